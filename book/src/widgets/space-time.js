// <space-time>: a space-time diagram of one run of a distributed system, which a reader steps through.
//
//     <space-time step="3">
//       <script type="application/json">{ "version": 1, … }</script>
//       <img src="run.svg" alt="…">            stays until the diagram is drawn
//     </space-time>
//
// The trace comes from the child <script>, or from the property `trace`, which can be set again. A `<` in the JSON of a
// child must be written as \u003c.
//
//     trace          the trace that is shown
//     step           the step that is shown, also as an attribute; 0 is the moment before the first
//     show(step)     shows another step
//     extend(trace)  shows a longer trace at its end, and keeps what is drawn of it
//     quiet          whether the page around it says what happens, so that a screen reader hears it once
//     "step"         the event that another step is shown; `detail.step` is its number
//
// Keys, when the focus is inside: left and up step back, right and down forward, Home and End go to the ends, and space
// plays. What the diagram tells is found in space-time-model.js; how it looks stands in space-time.css.

import { continues, moment, problemOf, tell } from "./space-time-model.js";

/** How long a step stays while the run is played, in milliseconds. */
const BEAT = 1000;

/** How long a message takes along its arrow, in milliseconds. */
const FLIGHT = 450;

/** How many messages on their way to one participant are told. Of more, the oldest are only counted. */
const MANY = 10;

/** Where a lifeline changes within a step: beside the first line of its text, where the arrow and the marks are. */
const MIDDLE = "1.1em";

/** Where a lifeline starts: a little above its step, so that no seam shows. */
const TOP = "-1";

// ---- Making elements -------------------------------------------------------------------------------------------

/** An HTML element. Children that are strings become text. */
function html(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** An SVG element. */
function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const isMotionReduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// ---- Between the lifelines -------------------------------------------------------------------------------------

/** Draws lifelines and what happens between them. Columns are evenly spaced over whatever width there is. */
class Lanes {
  constructor(count) {
    this.count = count;
  }

  /** Where a column is; fractions lie between columns. */
  x(column) {
    return `${(100 * (column + 0.5)) / this.count}%`;
  }

  /** A picture as high as the text beside it. */
  picture(before, after, scene) {
    const drawing = scene ? svg("g", { class: "st-scene" }, ...this.scene(scene)) : "";
    return html("div", "st-lanes", svg("svg", { "aria-hidden": "true" }, ...this.lifelines(before, after), drawing));
  }

  lifelines(before, after) {
    return before.flatMap((life, column) =>
      isSameLife(life, after[column])
        ? [this.lifeline(column, life, TOP, "100%")]
        : [this.lifeline(column, life, TOP, MIDDLE), this.lifeline(column, after[column], MIDDLE, "100%")],
    );
  }

  lifeline(column, { up, side }, y1, y2) {
    const style = up ? `st-side-${side % 3}` : "st-down";
    return svg("line", { class: `st-life ${style}`, x1: this.x(column), x2: this.x(column), y1, y2 });
  }

  scene(scene) {
    switch (scene.type) {
      case "arrow":
        return this.arrow(scene);
      case "link":
        return this.link(scene);
      case "sides":
        return this.sides(scene);
      default:
        return [this.at(scene.who, ...mark(scene.mark))];
    }
  }

  /** Puts shapes, drawn around the origin, on a column. */
  at(column, ...shapes) {
    return svg("svg", { x: this.x(column), overflow: "visible" }, ...shapes);
  }

  line(className, from, to) {
    return svg("line", { class: className, x1: this.x(from), x2: this.x(to) });
  }

  arrow({ from, to, lost }) {
    if (from === to) return [this.at(to, ...loop())];
    const direction = Math.sign(to - from);
    if (lost) {
      const end = to - 0.32 * direction;
      return [this.line("st-bad st-shaft", from, end), this.at(end, cross())];
    }
    return [this.line("st-arrow st-shaft", from, to), this.at(to, head(direction), dot("st-arrow", 3.5))];
  }

  link({ ends: [left, right], works }) {
    const className = works ? "st-good" : "st-bad";
    return [
      this.line(`${className} ${works ? "" : "st-cut"}`, left, right),
      this.at(left, dot(className, 3)),
      this.at(right, dot(className, 3)),
      ...(works ? [] : [this.at((left + right) / 2, cross())]),
    ];
  }

  sides({ sides }) {
    const className = sides.every(({ side }) => side === 0) ? "st-good" : "st-bad";
    const between = sides.slice(1).map((server, index) => {
      const neighbour = sides[index];
      if (server.side === neighbour.side) return this.line("st-good", neighbour.who, server.who);
      return this.at((neighbour.who + server.who) / 2, cross());
    });
    return [...between, ...sides.map(({ who }) => this.at(who, dot(className, 3)))];
  }
}

const isSameLife = (one, other) => one.up === other.up && one.side === other.side;

const dot = (className, r) => svg("circle", { class: className, r });
const cross = () => svg("path", { class: "st-bad", d: "M-5 -5 L5 5 M-5 5 L5 -5" });

/** The head of an arrow to the right (1) or to the left (-1). */
function head(direction) {
  return svg("path", { class: "st-arrow st-head", d: `M${-3 * direction} 0 l${-9 * direction} -4.5 v9 z` });
}

/** An arrow from a participant to itself. */
function loop() {
  const shaft = svg("path", { class: "st-arrow st-loop", d: "M0 -6 h14 v12 h-12" });
  return [shaft, svg("circle", { class: "st-arrow", r: 3.5, cy: 6 })];
}

function mark(name) {
  switch (name) {
    case "timer":
      return [svg("path", { class: "st-timer", d: "M-6.5 0 L0 -6.5 L6.5 0 L0 6.5 z" })];
    case "crash":
      return [cross()];
    case "restart":
      return [svg("circle", { class: "st-good st-ring", r: 5 })];
    default:
      return [dot("st-arrow", 4)];
  }
}

// ---- The diagram -----------------------------------------------------------------------------------------------

/** The lines of text of a step. */
const paragraphs = (lines) => lines.map(({ kind, text }) => html("p", `st-${kind}`, glued(text)));

/** The text, so that a line of it starts with no closing bracket, and ends with no `name:`, arrow or sign. */
const glued = (text) => text.replace(/ (?=[})\]])|(?<=:| [→+−]) /g, NO_BREAK);

const NO_BREAK = "\u00a0";

/** The lines in groups that each start with the label or with a reply, because each reply has an arrow beside it. */
function grouped(lines) {
  const groups = [];
  for (const line of lines) {
    if (groups.length === 0 || line.reply) groups.push([]);
    groups.at(-1).push(line);
  }
  return groups;
}

/** What is told of the moment before the first step. */
function startOf({ beginnings, leftOut }) {
  return [
    { kind: "label", text: "Before the first step" },
    ...beginnings.map((text) => ({ kind: "effect", text })),
    ...(leftOut.length > 0 ? [{ kind: "effect", text: `Nothing happens to ${leftOut.join(", ")}.` }] : []),
  ];
}

/** The lifelines with the steps and their text, in a frame of its own that scrolls. */
class Diagram {
  constructor(story, onStep) {
    const names = story.participants.map(({ name }) => html("span", "", name));
    this.lanes = new Lanes(names.length);
    this.names = html("div", "st-names", html("span", "st-number"), html("div", "st-columns", ...names));
    this.rows = [this.startRow(story)];
    this.element = html("div", "st-diagram", this.names, this.rest(names.length), ...this.rows);
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "The steps");
    this.element.addEventListener("click", ({ target }) => this.clicked(target, onStep));
    this.shown = 0;
    this.append(story);
  }

  /** The lifelines behind the steps, which show where the steps do not fill the frame. */
  rest(count) {
    const life = Array(count).fill({ up: true, side: 0 });
    return html("div", "st-rest st-ahead st-line", html("span", ""), this.lanes.picture(life, life));
  }

  startRow(story) {
    const life = story.participants.map(() => ({ up: true, side: 0 }));
    const text = html("div", "st-text", ...paragraphs(startOf(story)));
    const line = html("div", "st-line", html("span", "st-number", "0"), this.lanes.picture(life, life), text);
    return html("div", "st-step", line);
  }

  /** Tells every step in full, or only the current one. */
  showAll(isAll) {
    this.element.classList.toggle("st-all", isAll);
    this.reveal("instant");
  }

  /** Adds the steps that are not there yet. They lie ahead. */
  append(story) {
    const rows = story.events.slice(this.rows.length - 1).map((event) => this.row(event, story.staged));
    this.rows.push(...rows);
    this.element.append(...rows);
    this.element.style.setProperty("--st-rows", this.element.querySelectorAll(".st-step .st-line").length);
  }

  row(event, staged) {
    const lines = grouped(event.lines).map((lines, index) => this.line(event, lines, index === 0));
    const last = event.number === staged ? " st-staged" : "";
    return html("div", `st-step st-ahead${last}`, ...lines);
  }

  line(event, lines, isFirst) {
    const number = html("span", "st-number", isFirst ? String(event.number) : "");
    const scene = isFirst ? event.scene : lines[0].reply;
    const picture = this.lanes.picture(isFirst ? event.before : event.after, event.after, scene);
    const text = html("div", "st-text", ...paragraphs(lines));
    return html("div", isFirst ? "st-line" : "st-line st-reply", number, picture, text);
  }

  clicked(target, onStep) {
    const number = this.rows.indexOf(target.closest(".st-step"));
    if (number >= 0 && number <= this.shown && getSelection().isCollapsed) onStep(number);
  }

  /** Shows the steps up to `number`, and touches only those that look different then. */
  show(number) {
    this.rows[this.shown].classList.remove("st-now");
    for (let at = this.shown + 1; at <= number; at++) this.rows[at].classList.remove("st-ahead");
    for (let at = this.shown; at > number; at--) this.rows[at].classList.add("st-ahead");
    this.rows[number].classList.add("st-now");
    this.shown = number;
  }

  /** Scrolls the frame, and not the page, until the current step can be seen. */
  reveal(behavior) {
    const row = this.rows[this.shown];
    const { scrollTop, clientHeight } = this.element;
    const top = row.offsetTop - this.names.offsetHeight;
    const bottom = row.offsetTop + row.offsetHeight - clientHeight;
    if (scrollTop > top || bottom > top) this.element.scrollTo({ top, behavior });
    else if (scrollTop < bottom) this.element.scrollTo({ top: bottom, behavior });
  }

  /** Lets the messages of the current step move along their arrows, the replies after the message. */
  fly() {
    this.rows[this.shown].querySelectorAll(".st-shaft").forEach((shaft, index) => {
      const [from, to] = ["x1", "x2"].map((end) => shaft.getAttribute(end));
      const message = svg("circle", { class: "st-message", cx: from, r: 5.5 });
      shaft.parentNode.append(message);
      const timing = { duration: FLIGHT, delay: index * FLIGHT, easing: "ease-in-out" };
      message.animate({ cx: [from, to], opacity: [1, 1] }, timing).onfinish = () => message.remove();
    });
  }
}

// ---- The states ------------------------------------------------------------------------------------------------

/** A card for each participant: its state, and the messages on their way to it. */
class States {
  constructor(story) {
    this.cards = story.participants.map(({ name }) => {
      const body = html("div", "");
      return { name, body, drawn: "", element: html("div", "st-card", html("p", "st-name", name), body) };
    });
    const clients = html("div", "st-cards st-clients");
    const servers = html("div", "st-cards");
    this.cards.forEach(({ element }, index) => {
      (story.participants[index].kind === "client" ? clients : servers).append(element);
    });
    this.element = html("div", "st-states", clients, servers);
  }

  /** Shows the moment after a step, and redraws only the cards that look different then. */
  show(participants) {
    participants.forEach((participant, index) => {
      const card = this.cards[index];
      const drawn = JSON.stringify(participant);
      if (card.drawn === drawn) return;
      card.drawn = drawn;
      card.body.replaceChildren(...this.body(participant));
      card.element.classList.toggle("st-is-down", !participant.isUp);
    });
  }

  body({ isUp, fields, inFlight }) {
    const state = isUp ? fields.map((field) => this.field(field)) : [html("li", "", "is down")];
    return [html("ul", "st-fields", ...state), ...(inFlight.length > 0 ? this.messages(inFlight) : [])];
  }

  messages(inFlight) {
    const items = inFlight.slice(-MANY).map((message) => this.message(message));
    const older = inFlight.length - items.length;
    const rest = older > 0 ? [html("li", "st-effect", `${older} older`)] : [];
    return [html("p", "st-on-its-way", "On the way here"), html("ul", "st-fields", ...rest, ...items)];
  }

  field({ name, value, changed }) {
    const label = name === "" ? [] : [html("span", "st-key", name), " "];
    return marked(changed, "changed: ", ...label, html("span", "st-value", glued(value)));
  }

  message({ from, text, count, isNew }) {
    const times = count > 1 ? ` ×${count}` : "";
    const sender = html("span", "st-key", `from ${this.cards[from].name}`);
    return marked(isNew, "new: ", sender, " ", html("span", "st-value", glued(text) + times));
  }
}

/** A line of a card. What is new in it is marked by a bar, by bold type, and in words for those who see neither. */
function marked(isMarked, words, ...children) {
  return isMarked
    ? html("li", "st-changed", html("span", "st-unseen", words), ...children)
    : html("li", "", ...children);
}

// ---- The rest --------------------------------------------------------------------------------------------------

const ICONS = {
  first: "M3 3h2v10H3z M13 3v10L6 8z",
  back: "M11 3v10L4 8z",
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4z M9 3h3v10H9z",
  forward: "M5 3v10l7-5z",
  last: "M3 3v10l7-5z M11 3h2v10h-2z",
};

function icon(name) {
  return svg("svg", { class: "st-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

const sample = (className, d) => svg("path", { class: className, d });

/** The marks that a run may have, and what they mean. */
const MARKS = [
  {
    meaning: "a message is lost",
    occurs: ({ scene }) => scene.type === "arrow" && scene.lost,
    shapes: () => [sample("st-bad", "M-16 0 H4"), cross()],
  },
  { meaning: "a timer fires", occurs: ({ scene }) => scene.mark === "timer", shapes: () => mark("timer") },
  { meaning: "a crash", occurs: ({ scene }) => scene.mark === "crash", shapes: () => mark("crash") },
  { meaning: "a restart", occurs: ({ scene }) => scene.mark === "restart", shapes: () => mark("restart") },
  {
    meaning: "a link is cut",
    occurs: ({ scene }) => scene.type === "link" && !scene.works,
    shapes: () => [sample("st-bad st-cut", "M-16 0 H10")],
  },
  {
    meaning: "an answer to a client",
    occurs: ({ lines }) => lines.some(({ reply }) => reply),
    shapes: () => [sample("st-arrow st-thin", "M-16 0 H8"), head(1), dot("st-arrow", 3.5)],
  },
  {
    meaning: "sides of a partition",
    occurs: ({ after }) => after.some(({ side }) => side > 0),
    shapes: () => [sample("st-life st-side-0", "M-6 -8 v16"), sample("st-life st-side-1", "M2 -8 v16")],
  },
];

/** Explains the marks that occur. */
function legendOf(events) {
  return MARKS.filter(({ occurs }) => events.some(occurs)).map(({ meaning, shapes }) => {
    const picture = svg("svg", { class: "st-sample", viewBox: "-20 -10 32 20", "aria-hidden": "true" }, ...shapes());
    return html("span", "", picture, ` ${meaning}`);
  });
}

/** The buttons, the slider and the number of the step. */
class Controls {
  constructor(actions) {
    this.first = this.button("first", "First", actions.first);
    this.back = this.button("back", "Back", actions.back);
    this.play = this.button("play", "Play", actions.play);
    this.forward = this.button("forward", "Forward", actions.forward);
    this.last = this.button("last", "Last", actions.last);
    this.slider = html("input", "st-slider");
    this.slider.type = "range";
    this.slider.min = 0;
    this.slider.setAttribute("aria-label", "Step");
    this.slider.addEventListener("input", () => actions.show(this.slider.valueAsNumber));
    this.count = html("span", "st-count");
    const buttons = html("div", "st-buttons", this.first, this.back, this.play, this.forward, this.last);
    this.element = html("div", "st-controls", buttons, this.slider, this.count);
  }

  button(name, label, action) {
    const button = html("button", "st-button", icon(name));
    button.type = "button";
    named(button, label);
    button.addEventListener("click", action);
    return button;
  }

  show(step, last) {
    this.slider.max = last;
    this.slider.value = step;
    this.slider.setAttribute("aria-valuetext", `step ${step} of ${last}`);
    this.count.textContent = `step ${step} of ${last}`;
    for (const button of [this.first, this.back]) button.ariaDisabled = String(step === 0);
    for (const button of [this.forward, this.last]) button.ariaDisabled = String(step === last);
  }

  showPlaying(isPlaying) {
    this.play.replaceChildren(icon(isPlaying ? "pause" : "play"));
    named(this.play, isPlaying ? "Pause" : "Play");
  }
}

function named(button, label) {
  button.title = label;
  button.setAttribute("aria-label", label);
}

/** A box to tick. */
function choice(label, onChange) {
  const box = html("input", "");
  box.type = "checkbox";
  box.addEventListener("change", () => onChange(box.checked));
  return html("label", "st-choice", box, " ", label);
}

/** What rule the run broke, and how. */
function violationOf({ rule, says, explanation, source }) {
  return html(
    "div",
    "st-violation",
    html("p", "st-broken", `Broken: ${rule}`),
    html("p", "", says),
    html("p", "st-explanation", explanation),
    ...(source === "" ? [] : [html("p", "st-effect", `Source: ${source}`)]),
  );
}

/** The whole run as a list, which is filled when somebody opens it. */
class List {
  constructor() {
    this.body = html("div", "st-list-body");
    this.element = html("details", "st-list", html("summary", "", "The run as a list"), this.body);
    this.element.addEventListener("toggle", () => this.fill());
  }

  show(story) {
    this.story = story;
    this.body.replaceChildren();
    this.fill();
  }

  fill() {
    if (!this.element.open || this.body.hasChildNodes()) return;
    const items = this.story.events.map(({ lines }) => html("li", "", ...paragraphs(lines)));
    const violation = this.story.violation ? [violationOf(this.story.violation)] : [];
    this.body.append(...paragraphs(startOf(this.story)), html("ol", "", ...items), ...violation);
  }
}

// ---- The element -----------------------------------------------------------------------------------------------

/** Everything that is drawn of one story. */
class View {
  constructor(story, actions, isQuiet) {
    this.diagram = new Diagram(story, actions.show);
    this.states = new States(story);
    this.controls = new Controls(actions);
    this.list = new List();
    this.sentence = html("p", "st-sentence");
    if (!isQuiet) this.sentence.setAttribute("aria-live", "polite");
    this.details = html("div", "st-details");
    this.end = html("div", "st-end");
    this.legend = html("p", "st-legend");
    this.facts = html("span", "");
    const title = story.scope === "" ? [] : [html("p", "st-scope", story.scope)];
    const now = html("div", "st-current", this.sentence, this.details);
    const all = choice("Text of every step", (isAll) => this.diagram.showAll(isAll));
    const facts = html("p", "st-facts", this.facts, all);
    this.element = html("div", "st-run", ...title, facts, this.controls.element, this.diagram.element);
    this.element.append(this.legend, now, this.end, this.states.element, this.list.element);
    new ResizeObserver(() => this.diagram.reveal("instant")).observe(this.diagram.element); // above all once it can be seen
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", `Space-time diagram: ${story.scope}`);
    this.element.style.setProperty("--st-columns", story.participants.length);
    this.tell(story);
  }

  /** Takes in a story of which a part is drawn already. */
  tell(story) {
    this.story = story;
    this.facts.textContent = story.facts;
    this.diagram.append(story);
    this.list.show(story);
    this.legend.replaceChildren(...legendOf(story.events));
  }

  show(step) {
    const before = this.diagram.shown;
    const last = this.story.events.length;
    const lines = step === 0 ? startOf(this.story) : this.story.events[step - 1].lines;
    const broken = step === last && this.story.violation ? [violationOf(this.story.violation)] : [];
    this.controls.show(step, last);
    this.diagram.show(step);
    this.states.show(moment(this.story, step));
    this.sentence.textContent = this.sentenceOf(step, lines[0].text);
    this.details.replaceChildren(...paragraphs(lines.slice(1)));
    this.end.replaceChildren(...broken);
    const moves = step === before + 1 && !isMotionReduced();
    this.diagram.reveal(moves ? "smooth" : "instant");
    if (moves) this.diagram.fly();
  }

  sentenceOf(step, label) {
    const { events, violation } = this.story;
    const broken = step === events.length && violation ? ` Broken: ${violation.rule}.` : "";
    return `Step ${step} of ${events.length}: ${label}.${broken}`;
  }
}

/** The value of a JSON text, if it is one. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

class SpaceTime extends HTMLElement {
  static observedAttributes = ["step"];

  /** Whether the page around it says what happens. */
  quiet = false;

  #trace = null;
  #view = null;
  #step = null;
  /** The step to show once there is a trace. */
  #wanted = null;
  #timer = null;

  connectedCallback() {
    this.addEventListener("keydown", this.#onKey);
    this.#takeEarlyTrace();
    if (!this.#view) this.#readChild();
  }

  disconnectedCallback() {
    this.removeEventListener("keydown", this.#onKey);
    this.#pause();
  }

  attributeChangedCallback(_, before, after) {
    if (before !== after && after !== null) this.show(Number(after));
  }

  get trace() {
    return this.#trace;
  }

  set trace(trace) {
    this.#trace = trace;
    const problem = problemOf(trace);
    if (problem) this.#refuse(problem);
    else this.#draw(tell(trace));
  }

  get step() {
    return this.#step ?? 0;
  }

  set step(step) {
    this.show(step);
  }

  /** Shows the run up to `step`. */
  show(step) {
    if (!Number.isFinite(step)) return;
    if (!this.#view) {
      this.#wanted = step;
      return;
    }
    const number = Math.max(0, Math.min(Math.trunc(step), this.#last));
    if (number === this.#step) return;
    this.#step = number;
    this.#view.show(number);
    this.setAttribute("step", number);
    this.dispatchEvent(new CustomEvent("step", { bubbles: true, detail: { step: number } }));
  }

  /** Shows a longer trace at its end, and keeps what is drawn of it. */
  extend(trace) {
    const story = problemOf(trace) ? null : tell(trace);
    if (this.#view && story && continues(story, this.#view.story)) {
      this.#pause();
      this.#trace = trace;
      this.#view.tell(story);
      this.#step = null;
    } else {
      this.trace = trace;
    }
    if (this.#view) this.show(this.#last);
  }

  focus(options) {
    this.#view?.diagram.element.focus(options);
  }

  get #last() {
    return this.#view?.story.events.length ?? 0;
  }

  /** Takes a trace that was set before the element was defined. */
  #takeEarlyTrace() {
    if (!Object.hasOwn(this, "trace")) return;
    const { trace } = this;
    delete this.trace;
    this.trace = trace;
  }

  #readChild() {
    const child = this.querySelector(':scope > script[type="application/json"]');
    if (!child) return;
    const trace = parsed(child.textContent);
    if (trace === undefined) this.#refuse("Its text is not JSON.");
    else this.trace = trace;
  }

  #draw(story) {
    this.#pause();
    this.#view = new View(story, this.#actions, this.quiet);
    this.replaceChildren(this.#view.element);
    this.#step = null;
    this.show(this.#wanted ?? story.staged);
    this.#wanted = null;
  }

  #refuse(problem) {
    this.#pause();
    this.#view = null;
    this.querySelector(":scope > :is(.st-run, .st-problem)")?.remove();
    this.append(html("p", "st-problem", `This run cannot be shown. ${problem}`));
  }

  #actions = {
    first: () => this.#go(0),
    back: () => this.#go(this.step - 1),
    play: () => (this.#timer ? this.#pause() : this.#play()),
    forward: () => this.#go(this.step + 1),
    last: () => this.#go(this.#last),
    show: (step) => this.#go(step),
  };

  #keys = {
    ArrowLeft: this.#actions.back,
    ArrowUp: this.#actions.back,
    ArrowRight: this.#actions.forward,
    ArrowDown: this.#actions.forward,
    Home: this.#actions.first,
    End: this.#actions.last,
    " ": this.#actions.play,
  };

  #onKey = (event) => {
    const action = this.#keys[event.key];
    const hasModifier = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    const isForTarget = event.key === " " && event.target.closest("button, summary, [type=checkbox]");
    if (!action || !this.#view || hasModifier || isForTarget) return;
    event.preventDefault();
    event.stopPropagation(); // The page turns on arrow keys, too.
    action();
  };

  /** Goes where the reader wants to be. */
  #go(step) {
    this.#pause();
    this.show(step);
  }

  #play() {
    if (this.step === this.#last) this.show(0);
    this.#timer = setInterval(() => this.#playStep(), BEAT);
    this.#view.controls.showPlaying(true);
  }

  #playStep() {
    this.show(this.step + 1);
    if (this.step === this.#last) this.#pause();
  }

  #pause() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#view?.controls.showPlaying(false);
  }
}

customElements.define("space-time", SpaceTime);
