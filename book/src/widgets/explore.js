// Explore: a reader walks through the states of their own code, step by step. The server builds the code, and answers each path with the place
// that it leads to (format: ci/testkit/src/cluster/walk.rs). A path is the labels of its steps, so that to go back is to ask for fewer of them.

import { diagnosticsOf } from "./diagnostics.js";
import { make, pageAddress } from "./dom.js";
import { saveRun } from "./run-file.js";
import "./space-time.js";
import { capitalised, count } from "./words.js";

/** After how many milliseconds without an answer the reader is told that there is none. */
const PATIENCE = 5000;

const SLOW = "Your code has not answered for 5 seconds. Does a handler loop forever? Close ends it.";
const LOST = "The connection to your code is gone. What you see stays, and “Take up my changes” connects again.";
const ENDED = "Your code has ended the walk, at the place that you asked for or in a step that could follow it. It says:";
const NO_MODEL = "This task is checked without a model: there are no states to walk through.";

/** What the server says to a request. Everything else it says by itself, or ends the walk with. */
const ANSWERS = ["place", "ended"];

/** What happens by itself, by the kinds of step. */
const USUAL = [
  { title: "Clients ask", kinds: ["invoke", "retry"] },
  { title: "Messages arrive", kinds: ["deliver"] },
  { title: "Timers fire", kinds: ["timeout"] },
  { title: "Something else happens", kinds: ["other"] },
];

const FAULTS = [
  { title: "Messages are lost", kinds: ["drop"] },
  { title: "Messages come twice", kinds: ["duplicate"] },
  { title: "Servers crash", kinds: ["crash"] },
  { title: "Servers restart", kinds: ["restart"] },
  { title: "Links are cut", kinds: ["cut"] },
  { title: "Links work again", kinds: ["heal"] },
];

/** The mark and the words for how a rule stands. */
const STANDS = {
  kept: () => "✓ kept",
  broken: ({ since }) => (since === 0 ? "✗ broken from the start" : `✗ broken since step ${since}`),
  seen: () => "✓ happened",
  unseen: () => "○ not yet in this run",
};

// ---- What a place is -------------------------------------------------------------------------------------------

/** The labels of the steps up to the one with this number. Those that set the scene are no part of a path. */
export const pathOf = ({ steps, staged = 0 }, number = steps.length) => steps.slice(staged, number).map(({ label }) => label);

const brokenOf = (place) => place.rules.filter((rule) => rule.is === "broken");

/** What has happened, in a line. */
function toldOf({ trace, refused, ...place }) {
  const number = trace.steps.length;
  const where = number > trace.staged ? `Step ${number}: ${trace.steps.at(-1).label}.` : "The run is at its start.";
  const missed = refused === null ? "" : `“${refused}” is not possible here, so the walk ends before it. Go on from here. `;
  const names = brokenOf(place).map(({ name }) => name);
  if (names.length === 0) return missed + where;
  return `${missed}${where} ${names.length === 1 ? "A rule is broken" : "Rules are broken"}: ${names.join(", ")}.`;
}

/** Why no step is offered that happens by itself; nothing if one is. */
function stillnessOf(place) {
  const isUsual = ({ kind, beyond }) => !beyond && USUAL.some(({ kinds }) => kinds.includes(kind));
  if (place.choices.some(isUsual)) return "";
  if (place.choices.length > 0) return "Nothing more happens by itself. What else can happen stands below.";
  if (brokenOf(place).length > 0) return "No step can follow after what your code has done. The broken rule says what that is.";
  return "Nothing more can happen: the run is over.";
}

/** Which steps the check would not have taken, where a rule is broken. */
function doubtOf({ beyond, ...place }) {
  if (beyond.length === 0 || brokenOf(place).length === 0) return "";
  const steps = beyond.length === 1 ? `Step ${beyond[0]} lies` : `Steps ${beyond.join(", ")} lie`;
  return `${steps} beyond this check's scope. That a rule breaks behind such a step may be no fault of your code.`;
}

// ---- Parts of the panel ----------------------------------------------------------------------------------------

/** A button that can be out of use and keeps the focus then. */
function buttonOf(text, press) {
  const pressed = () => button.ariaDisabled !== "true" && press();
  const button = make("button", { type: "button", className: "explore-button", onclick: pressed }, text);
  return button;
}

const bar = (...buttons) => make("p", { className: "explore-bar" }, ...buttons);

/** The page turns on these keys, too, and the walk would be gone. */
function keepArrows(event) {
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") event.stopPropagation();
}

/** Changes the panel, and scrolls the page so that `element` stays where the reader sees it. */
function holdingStill(element, change) {
  const top = () => element.getBoundingClientRect().top;
  const before = element.offsetParent && top();
  change();
  if (before !== null) scrollBy({ top: top() - before, behavior: "instant" });
}

function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top < innerHeight && bottom > 0;
}

/** The steps that can be taken, as buttons. What a reader has unfolded stays so from place to place. */
class Choices {
  constructor(take) {
    this.take = take;
    this.still = make("p", { className: "explore-still" });
    this.usual = make("div");
    this.faults = folded("What can go wrong");
    this.beyond = folded(
      "Beyond this check's scope",
      "The check would not take these steps: so much may not go wrong in its scope. A rule that breaks behind one may be no fault of your code.",
    );
    const parts = [make("p", { className: "explore-title" }, "What happens next?"), this.still, this.usual, this.faults.element, this.beyond.element];
    this.element = make("div", { className: "explore-choices", role: "group", "aria-label": "What happens next?", tabIndex: -1 }, ...parts);
  }

  show(place) {
    const [within, beyond] = [false, true].map((is) => place.choices.filter((choice) => choice.beyond === is));
    this.still.textContent = stillnessOf(place);
    this.usual.replaceChildren(...this.groups(USUAL, within));
    this.faults.fill(this.groups(FAULTS, within));
    this.beyond.fill(this.groups([...USUAL, ...FAULTS], beyond));
  }

  groups(sorts, choices) {
    return sorts.flatMap(({ title, kinds }) => {
      const own = choices.filter(({ kind }) => kinds.includes(kind));
      if (own.length === 0) return [];
      const buttons = own.map(({ label }) => make("li", {}, buttonOf(label, () => this.take(label))));
      return [make("p", { className: "explore-sort" }, title), make("ul", { className: "explore-steps" }, ...buttons)];
    });
  }

  /** Moves the focus to the first choice; to the region if none can be seen. */
  focus() {
    (this.usual.querySelector("button") ?? this.element).focus({ preventScroll: true });
  }
}

/** Something that a reader can unfold, with a sentence and what fills it. */
function folded(title, ...sentences) {
  const body = make("div");
  const element = make("details", {}, make("summary", {}, title), ...sentences.map((sentence) => make("p", {}, sentence)), body);
  const fill = (children) => {
    element.hidden = children.length === 0;
    body.replaceChildren(...children);
  };
  return { element, fill };
}

/** How each rule stands. */
class Rules {
  constructor() {
    this.list = make("ul");
    this.doubt = make("p", { className: "explore-doubt" });
    this.element = make("div", { className: "explore-rules" }, make("p", { className: "explore-title" }, "The rules"), this.doubt, this.list);
  }

  show(place) {
    this.doubt.textContent = doubtOf(place);
    this.list.replaceChildren(...place.rules.map(ruleOf));
  }
}

function ruleOf(rule) {
  const { name, says, source, page, is, why } = rule;
  const more = page && make("a", { href: pageAddress(page), "aria-label": `Read on: ${name}` }, "Read on");
  return make(
    "li",
    { "data-is": is },
    make("p", {}, make("strong", {}, name), " ", make("span", { className: "explore-stands" }, STANDS[is](rule))),
    is === "broken" && make("p", { className: "explore-why" }, why),
    make("p", { className: "explore-rule", title: source && `Source: ${source}` }, says, " ", more),
  );
}

/** The checks and their scopes, to choose one. It does not show where there is no choice. */
class Scopes {
  constructor(onChange) {
    this.select = make("select", { onchange: () => onChange(this.chosen()) });
    this.of = make("p", { className: "explore-check" });
    this.element = make("div", { hidden: true }, make("label", { className: "explore-scopes" }, "Check and scope ", this.select), this.of);
  }

  /** Shows what there is, and gives the one that was chosen before, or else the first. */
  take(checks, { check, scope }) {
    this.all = checks.flatMap(({ check, name, scopes }) => scopes.map((scope) => ({ check, name, scope })));
    const options = (scopes) => scopes.map((scope) => make("option", {}, scope));
    this.select.replaceChildren(...checks.map(({ name, scopes }) => make("optgroup", { label: name }, ...options(scopes))));
    this.element.hidden = this.all.length < 2;
    const isMeant = (one) => (one.check === check || check === "") && (one.scope === scope || scope === "");
    const before = this.all.findIndex(isMeant);
    this.select.selectedIndex = Math.max(0, before);
    return this.chosen();
  }

  /** The list, while it is closed, shows the scope alone: which check it is of stands below. */
  chosen() {
    const chosen = this.all[this.select.selectedIndex];
    this.of.textContent = `of the check: ${chosen.name}`;
    return chosen;
  }
}

// ---- The panel -------------------------------------------------------------------------------------------------

export class Explore {
  /**
   * @param task    what is explored
   * @param server  ./server.js
   * @param home    at whose end the panel stands, unless it is opened below a run
   */
  constructor(task, server, home) {
    Object.assign(this, { task, server, home });
    this.walk = null; // the connection, while there is one
    this.isReady = false; // whether the code is built and answers
    this.unanswered = 0; // how many requests
    this.goal = { check: "", scope: "", path: [] }; // where the reader wants to be
    this.place = null; // what is shown
    this.notice = ""; // what to say before the next place
    this.wanted = null; // the check and the scope that were asked for, until it is known whether they are there
    this.isComing = false; // whether the reader waits for the first place since they opened the panel at one
    this.button = make("button", { type: "button", className: "task-button task-quiet", onclick: () => this.toggle() }, "Explore");
    this.scopes = new Scopes((scope) => this.change(scope));
    this.choices = new Choices((label) => this.go([...pathOf(this.place.trace), label]));
    this.rules = new Rules();
    this.makePanel();
    this.goHome();
    this.showPanel(false);
  }

  makePanel() {
    this.says = make("p", { className: "explore-says", role: "status" });
    this.outcome = make("div", { className: "explore-outcome" });
    this.diagram = make("space-time", { quiet: true, onstep: ({ detail }) => this.look(detail.step) });
    this.branch = buttonOf("Go on from here", () => this.goOnFromHere());
    this.back = buttonOf("One step back", () => this.go(pathOf(this.place.trace).slice(0, -1)));
    this.restart = buttonOf("From the start", () => this.go([]));
    this.keeps = buttonOf("Keep as a test", () => this.keep());
    this.saves = buttonOf("Save the run", () => this.save());
    const ends = bar(buttonOf("Take up my changes", () => this.connect()), buttonOf("Close", () => this.close()));
    const moves = bar(this.back, this.restart, this.keeps, this.saves, this.branch);
    const whole = make("div", {}, this.choices.element, this.diagram, this.rules.element);
    for (const part of [moves, whole]) part.classList.add("explore-place");
    const parts = [this.scopes.element, moves, this.says, this.outcome, whole, ends];
    const named = { role: "group", "aria-label": `Explore ${this.task}` };
    this.panel = make("div", { className: "explore is-empty", ...named, onkeydown: keepArrows }, ...parts);
  }

  toggle() {
    if (!this.panel.hidden) return this.close();
    this.goHome();
    this.showPanel(true);
    this.connect();
  }

  /** Puts the panel where it belongs. */
  goHome() {
    this.home.append(this.panel);
  }

  /**
   * Opens the panel at the end of a path in some scope, such as a step of a run that broke a rule, and in view. With `below`, it stands after
   * that element.
   */
  openAt({ check, scope, path = [] }, below = null) {
    if (below) below.after(this.panel);
    else this.goHome();
    this.goal = { check, scope, path };
    this.wanted = check === "" && scope === "" ? null : { check, scope };
    this.showPanel(true);
    this.connect();
    this.isComing = true;
    this.panel.scrollIntoView();
  }

  close() {
    this.disconnect();
    this.showPanel(false);
    this.button.focus();
  }

  showPanel(isOpen) {
    this.panel.hidden = !isOpen;
    this.button.ariaExpanded = String(isOpen);
  }

  // ---- Talking to the server ----

  /** Builds the code as it is now, and goes where the reader wants to be. */
  connect() {
    this.disconnect();
    this.tell("Builds your code.");
    this.walk = this.server.walk(this.task, (said) => this.hear(said));
  }

  disconnect() {
    this.walk?.close();
    this.walk = null;
    this.isReady = false;
    this.unanswered = 0;
    this.showWaiting();
  }

  /** Goes to the end of a path. Without a connection, what was changed meanwhile is taken up. */
  go(path) {
    this.goal = { ...this.goal, path };
    if (!this.walk) return this.connect();
    if (!this.isReady) return;
    this.walk.ask(this.goal);
    this.unanswered += 1;
    this.showWaiting();
  }

  showWaiting() {
    const waits = this.unanswered > 0;
    clearTimeout(this.timer);
    if (waits) this.timer = setTimeout(() => this.say(SLOW), PATIENCE);
    this.panel.ariaBusy = String(waits);
  }

  hear(said) {
    if (ANSWERS.includes(said.event) && this.unanswered > 0) {
      this.unanswered -= 1;
      if (this.unanswered > 0) return; // the reader wants to be somewhere else by now
      this.showWaiting();
    } else if (said.event === "refused" || said.event === "does-not-compile") {
      this.disconnect();
    }
    this.take(said);
  }

  take(said) {
    switch (said.event) {
      case "building":
        return this.say(capitalised(said.what));
      case "does-not-compile":
        return this.tell(said.says, ...diagnosticsOf(said.diagnostics));
      case "scopes":
        return this.takeScopes(said.checks);
      case "place":
        return this.showPlace(said.place);
      case "ended":
        return this.tell(ENDED, make("pre", { tabIndex: 0 }, said.says.trim()));
      case "refused":
        return this.tell(said.says);
      case "closed":
        this.disconnect();
        return this.tell(LOST);
    }
  }

  takeScopes(checks) {
    if (checks.length === 0) {
      this.disconnect();
      return this.tell(NO_MODEL);
    }
    this.isReady = true;
    this.say("Built.");
    this.notice = this.missing(checks);
    this.change(this.scopes.take(checks, this.goal));
  }

  /** That the scope that was asked for has no states, if so. The walk begins in the first one then. */
  missing(checks) {
    const { wanted } = this;
    this.wanted = null;
    const has = ({ check, scopes }) => (wanted.check === "" || check === wanted.check) && (wanted.scope === "" || scopes.includes(wanted.scope));
    if (!wanted || checks.some(has)) return "";
    return `There are no states to walk through in “${wanted.scope || wanted.check}”. This is another scope. `;
  }

  /** Walks through another scope, or through the same one on the same path. */
  change({ check, scope }) {
    const isSame = check === this.goal.check && scope === this.goal.scope;
    this.goal = isSame ? this.goal : { check, scope, path: [] };
    if (!isSame) this.panel.classList.add("is-empty");
    this.go(this.goal.path);
  }

  // ---- Showing ----

  showPlace(place) {
    this.place = place;
    const hadFocus = this.panel.contains(document.activeElement);
    holdingStill(this.choices.element, () => {
      this.panel.classList.remove("is-empty");
      this.diagram.extend(place.trace);
      this.choices.show(place);
      this.rules.show(place);
      this.tell(this.notice + toldOf(place));
      this.notice = "";
    });
    if (this.isComing && isInView(this.panel)) this.panel.scrollIntoView(); // only now is there enough below its top
    this.isComing = false;
    const isAtStart = pathOf(place.trace).length === 0;
    for (const button of [this.back, this.restart, this.keeps, this.saves]) button.ariaDisabled = String(isAtStart);
    if (hadFocus && !this.panel.contains(document.activeElement)) this.choices.focus();
  }

  /** The reader looks at a step of the run. From one that is not the last they can go on in another way. */
  look(step) {
    const { steps, staged } = this.place.trace;
    const isLast = step === steps.length;
    holdingStill(this.diagram, () => {
      this.branch.hidden = step < staged || isLast;
      this.say(isLast ? toldOf(this.place) : `You look at step ${step}. What can happen next is told for step ${steps.length}, the last.`);
    });
  }

  goOnFromHere() {
    this.choices.focus();
    this.go(pathOf(this.place.trace, this.diagram.step));
  }

  async keep() {
    try {
      const { file, name, command } = await this.server.ask("keep", { trace: this.place.trace });
      this.say("Kept as ", make("code", {}, name), " in ", make("code", {}, file), ". Run it: ", make("code", {}, command));
    } catch (error) {
      this.say(error.message);
    }
  }

  save() {
    const { trace } = this.place;
    const file = `walk-${this.task}-${count(trace.steps.length, "step").replace(" ", "-")}.json`;
    saveRun(trace, file);
    this.say("Saved as ", make("code", {}, file), ". Drop it onto any page of the book to see it, or play it in the terminal: ", make("code", {}, `cargo course replay ${file}`));
  }

  say(...text) {
    this.says.replaceChildren(...text);
  }

  /** Says something, with what belongs to it in the place of what stood there before. */
  tell(text, ...more) {
    this.say(text);
    this.outcome.replaceChildren(...more);
  }
}
