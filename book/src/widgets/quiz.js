// Questions that answer back. The page holds everything: what there is to choose, what is right, and what there is to say to each answer.
// The first answer to a question is kept: in this browser, and in the reader's record where the course's server serves the page.

import { make } from "./dom.js";
import { count } from "./words.js";

export class Quiz {
  constructor(section, server) {
    this.name = section.dataset.quiz;
    this.server = server;
    this.questions = [...section.querySelectorAll(".question")].map((element) => new Question(element, (right) => this.note(element.dataset.id, right)));
    this.score = make("p", { className: "quiz-score", role: "status" });
    section.append(this.score);
    section.classList.add("is-live");
    this.known = remembered(this.name);
    this.showScore();
  }

  /** The record of the reader knows answers that were given in another browser. */
  hear(news) {
    const recorded = news.state?.quizzes[this.name];
    if (!recorded) return;
    this.known = { ...this.known, ...recorded };
    this.showScore();
  }

  note(question, right) {
    if (!(question in this.known)) {
      this.known[question] = right;
      remember(this.name, this.known);
      this.server?.ask("answer", { quiz: this.name, question, right }).catch(() => {}); // this browser remembers it
    }
    this.showScore();
  }

  showScore() {
    const ids = this.questions.map((question) => question.id);
    const answered = ids.filter((id) => id in this.known);
    const right = answered.filter((id) => this.known[id]).length;
    const of = count(this.questions.length, "question");
    this.score.textContent = answered.length === 0 ? "" : `${answered.length} of ${of} answered, ${right} of them right at once.`;
    this.questions.forEach((question) => question.mark(this.known[question.id]));
  }
}

/** One question: its form, and what it says to an answer. */
class Question {
  constructor(element, answered) {
    this.element = element;
    this.id = element.dataset.id;
    this.answered = answered;
    this.explanation = element.querySelector(".explanation");
    this.form = FORMS[element.dataset.type](element);
    this.says = make("div", { className: "quiz-says", role: "status" });
    const button = make("button", { type: "submit" }, element.dataset.type === "recall" ? "I have an answer" : "Answer");
    const form = make("form", { className: "quiz-form", onsubmit: (event) => this.judge(event) }, ...this.form.fields, button, this.says);
    this.explanation.before(form);
    this.explanation.hidden = true;
  }

  judge(event) {
    event.preventDefault();
    const verdict = this.form.judge();
    if (verdict.incomplete) return this.tell("", verdict.incomplete);
    if (verdict.right === undefined) return this.reveal();
    this.answered(verdict.right);
    this.element.dataset.outcome = verdict.right ? "right" : "wrong";
    this.tell(verdict.right ? "Right." : "Not quite.", ...verdict.why.map((why) => why.cloneNode(true)));
    if (verdict.right) this.explain();
    else this.says.append(make("p", {}, "Try again, or ", make("button", { type: "button", onclick: () => this.explain() }, "see the answer"), "."));
  }

  /** An answer that nobody but the reader can judge. */
  reveal() {
    const own = (right, text) => make("button", { type: "button", onclick: () => this.judgeOneself(right) }, text);
    this.explain();
    this.tell("Did you have it?", make("p", {}, own(true, "I had it"), " ", own(false, "not yet")));
  }

  judgeOneself(right) {
    this.answered(right);
    this.element.dataset.outcome = right ? "right" : "wrong";
    this.tell(right ? "Good." : "Come back to it tomorrow.");
  }

  tell(first, ...more) {
    this.says.replaceChildren(make("p", { className: "quiz-verdict" }, first), ...more);
  }

  explain() {
    this.explanation.hidden = false;
    this.explanation.open = true;
  }

  /** Shows that it was answered before. */
  mark(right) {
    if (right === undefined) return;
    this.element.dataset.known = right ? "right" : "wrong";
  }
}

/** For each type of question, the fields of its form, and the judgement on what stands in them. */
const FORMS = {
  one: (element) => choiceForm(element, "radio"),
  several: (element) => choiceForm(element, "checkbox"),
  number: numberForm,
  order: orderForm,
  recall: () => ({ fields: [], judge: () => ({}) }),
};

function choiceForm(element, type) {
  const items = [...element.querySelectorAll(".choices > li")];
  const inputs = items.map((item, at) => {
    const input = make("input", { type, name: element.dataset.id, value: String(at) });
    const choice = item.querySelector(".choice");
    const label = make("label", { className: "quiz-choice" }, input, inlined(choice));
    choice.replaceWith(label);
    return input;
  });
  const judge = () => {
    const chosen = items.filter((_, at) => inputs[at].checked);
    if (chosen.length === 0) return { incomplete: "Choose an answer first." };
    const wrong = chosen.filter((item) => !("right" in item.dataset));
    const missed = items.filter((item) => "right" in item.dataset && !chosen.includes(item));
    const why = wrong.map((item) => item.querySelector(".why")).filter(Boolean);
    if (wrong.length === 0 && missed.length > 0) why.push(make("p", {}, "All that you chose is right, but something is missing."));
    return { right: wrong.length + missed.length === 0, why };
  };
  const list = element.querySelector(".choices");
  const group = make("fieldset", {}, make("legend", { className: "quiz-legend" }, type === "checkbox" ? "Answers" : "Answer"), list);
  return { fields: [group], judge };
}

function numberForm(element) {
  const { right, tolerance } = element.dataset;
  const input = make("input", { type: "text", inputMode: "decimal", autocomplete: "off", size: 8 });
  const judge = () => {
    const text = input.value.trim().replace(/(\d)[,\s](?=\d{3}\b)/g, "$1");
    const number = Number(text);
    if (text === "" || Number.isNaN(number)) return { incomplete: "Write a number first." };
    const said = [...element.querySelectorAll(".explanation > .why[data-answer]")].find((why) => Number(why.dataset.answer) === number);
    const isRight = Math.abs(number - Number(right)) <= Number(tolerance);
    return { right: isRight, why: isRight ? [] : [said ?? otherwise(element)].filter(Boolean) };
  };
  return { fields: [make("label", { className: "quiz-number" }, "Your number: ", input)], judge };
}

/** Steps are moved by buttons: that works with a keyboard, on a phone, and for who cannot see the page. */
function orderForm(element) {
  const list = element.querySelector(".choices");
  const steps = () => [...list.children];
  const move = (step, by) => {
    const at = steps().indexOf(step) + by;
    if (at < 0 || at >= steps().length) return;
    if (by < 0) steps()[at].before(step);
    else steps()[at].after(step);
    moved.textContent = `Now at place ${at + 1} of ${steps().length}.`;
  };
  const moved = make("p", { className: "quiz-moved", role: "status" });
  steps().forEach((step) => {
    const text = step.querySelector(".choice").textContent.trim();
    const button = (by, sign, says) => make("button", { type: "button", onclick: (event) => (move(step, by), event.currentTarget.focus()), "aria-label": `${says}: ${text}` }, sign);
    step.append(make("span", { className: "quiz-moves" }, button(-1, "↑", "Move up"), button(1, "↓", "Move down")));
  });
  const judge = () => {
    const right = steps().every((step, at) => Number(step.dataset.place) === at + 1);
    return { right, why: right ? [] : [otherwise(element)].filter(Boolean) };
  };
  element.classList.add("is-order");
  return { fields: [list, moved], judge };
}

/** What is said to a wrong answer that has no word of its own. */
function otherwise(element) {
  return element.querySelector(".explanation > .why[data-otherwise]");
}

/** A choice is a paragraph in the page, and the text of a label in a form. */
function inlined(choice) {
  const text = make("span", {});
  text.append(...[...choice.childNodes].flatMap((node) => (node.nodeName === "P" ? [...node.childNodes] : [node])));
  return text;
}

function remembered(name) {
  try {
    return JSON.parse(localStorage.getItem(`quiz:${name}`)) ?? {};
  } catch {
    return {};
  }
}

function remember(name, known) {
  try {
    localStorage.setItem(`quiz:${name}`, JSON.stringify(known));
  } catch {
    // A browser that keeps nothing still asks and answers.
  }
}
