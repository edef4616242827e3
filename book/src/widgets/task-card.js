// A task's card, on a page that the course's server serves: the state, a Check button, and the verdict in place.

import { make, pageAddress } from "./dom.js";
import { Explore, pathOf } from "./explore.js";
import { JobCard } from "./job-card.js";
import { diagramOf } from "./run.js";
import { saveRun } from "./run-file.js";
import { STANDING, count } from "./words.js";

/** What a failure's sentences are called, by the sort of failure. */
const LABELS = {
  unwritten: { here: "To do", says: "How" },
  unreachable: { here: "Here", says: "Wanted" },
};

export class TaskCard extends JobCard {
  constructor(section, server) {
    const task = section.dataset.task;
    super(section, server, { kind: "check", name: task, verb: "Check", details: { task } });
    this.runs = new Map(); // what each check came to, by its path
    this.standing = make("span", { className: "task-standing" });
    section.querySelector(".task-head").append(this.standing);
    this.next = make("p", { className: "task-next" });
    section.querySelector(".task-live").prepend(this.next);
    this.addExplore();
    this.followHints();
  }

  addExplore() {
    this.explore = new Explore(this.name, this.server, this.section.querySelector(".task-live"));
    this.button.after(" ", this.explore.button);
    const asked = new URLSearchParams(location.search); // as `cargo course explore` prints it
    if (asked.get("explore") === this.name) this.explore.openAt({ check: asked.get("check") ?? "", scope: asked.get("scope") ?? "" });
  }

  /** Whoever opens a hint has seen it: the record says so, as `cargo course hint` does. */
  followHints() {
    const hints = [...this.section.querySelectorAll(".task-hint")];
    hints.forEach((hint, at) =>
      hint.addEventListener("toggle", (event) => {
        if (event.target === hint && hint.open) this.quietly("hint", { task: this.name, shown: at + 1 });
      }),
    );
  }

  hear(news) {
    super.hear(news);
    if (news.state) this.showState(news.state);
  }

  showState(state) {
    const stage = state.stages.find((stage) => stage.tasks.some((task) => task.id === this.name));
    const task = stage?.tasks.find((task) => task.id === this.name);
    if (!task) return this.say(state.problem ?? "The server does not know this task.");
    this.stage = stage.id;
    this.section.dataset.standing = task.standing;
    this.standing.textContent = STANDING[task.standing];
    task.files.forEach(([file, link]) => this.linkFile(file, link));
    this.next.replaceChildren(...(task.next ? nextOf(task.next) : []));
  }

  /** Opens a file in the reader's editor, where one is configured. */
  linkFile(file, link) {
    const name = this.section.querySelector(`code[data-file="${CSS.escape(file)}"]`);
    const linked = name?.parentNode.nodeName === "A" ? name.parentNode : null;
    if (link && name && !linked) {
      const anchor = make("a", { href: link, title: "Open in your editor" });
      name.replaceWith(anchor);
      anchor.append(name);
    } else if (!link && linked) linked.replaceWith(name);
  }

  forget() {
    this.explore.goHome(); // it may be open below a run that goes away
    super.forget();
    this.runs.clear();
    this.checks().forEach((item) => {
      delete item.dataset.outcome;
      item.querySelector(".task-evidence")?.remove();
    });
  }

  takeLine(line) {
    super.takeLine(line);
    if (line.event === "starting") this.start(line);
    if (line.event === "begun") this.mark(line.check, "running");
    if (line.event === "ended") this.takeRun(line);
    if (line.event === "graded") this.showVerdict(line);
  }

  start({ checks }) {
    this.section.querySelector(".task-checks").open = true;
    this.say(`Runs ${count(checks.length, "check")}.`);
  }

  takeRun(run) {
    this.runs.set(run.check, run);
    const item = this.mark(run.check, run.passed ? "passed" : "failed");
    if (item && run.evidence.length > 0) item.append(make("ul", { className: "task-evidence" }, ...run.evidence.map((line) => make("li", {}, line))));
    this.say(`${this.runs.size} of ${count(this.checks().length, "check")} done.`);
  }

  checks() {
    return [...this.section.querySelectorAll(".task-checks li[data-check]")];
  }

  mark(check, outcome) {
    const item = this.checks().find((item) => item.dataset.check === check);
    if (item) item.dataset.outcome = outcome;
    return item;
  }

  showVerdict({ tasks, suspects }) {
    const own = tasks.find((task) => task.id === this.name);
    const failed = this.checks().map((item) => this.runs.get(item.dataset.check)).filter((run) => run && !run.passed);
    if (own?.passed) {
      this.say(`Passed: ${count(own.points, "point")}.`);
      this.outcome.replaceChildren();
      return;
    }
    const more = failed.length > 1 ? ` ${count(failed.length - 1, "more check")} failed; begin with this one.` : "";
    this.say(`${failed[0]?.headline ?? "Not passed."}${more}`);
    const [first, ...others] = failed.map((run, at) => this.failure(run, at === 0 ? suspects : []));
    const rest = others.length > 0 && make("details", {}, make("summary", {}, "The other failures"), ...others);
    this.outcome.replaceChildren(...[first, rest].filter(Boolean));
  }

  /** A failed check: what went wrong, the thought that may be behind it, and the run. */
  failure(run, suspects) {
    const box = make("div", { className: "task-failure" }, make("p", { className: "task-failed" }, run.name), ...suspects.map(suspected));
    if (!run.failure) {
      box.append(make("pre", {}, run.report ?? ""));
      return box;
    }
    const { kind, rule, summary, trace } = run.failure;
    const labels = LABELS[kind] ?? { here: "Here", says: "Rule" };
    box.append(
      make(
        "dl",
        {},
        ...told(labels.here, summary),
        ...told(labels.says, rule.says),
        ...(rule.source ? told("Source", rule.source) : []),
        ...(rule.page ? told("Read", make("a", { href: pageAddress(rule.page) }, "where the book explains it")) : []),
      ),
    );
    if (trace) this.showTrace(box, trace);
    return box;
  }

  async showTrace(box, file) {
    try {
      const diagram = diagramOf(await this.server.trace(this.stage, file));
      box.append(diagram, this.moves(diagram, file), make("p", { className: "task-replay" }, "In the terminal: ", make("code", {}, "cargo course replay")));
    } catch (error) {
      box.append(make("p", {}, error.message));
    }
  }

  /** What can be done with a run: go on from the step that is shown in another way, or hand it on. */
  moves(diagram, file) {
    const button = (text, onclick) => make("button", { type: "button", className: "explore-button", onclick }, text);
    const { trace } = diagram;
    const isOfModel = trace.producer === "model";
    const explore = () => this.explore.openAt({ check: trace.check, scope: trace.scope, path: pathOf(trace, diagram.step) }, bar);
    const buttons = [isOfModel && button("Explore from here", explore), button("Save the run", () => saveRun(trace, file))];
    const bar = make("p", { className: "explore-bar" }, ...buttons);
    return bar;
  }

  async quietly(what, details) {
    try {
      await this.server.ask(what, details);
    } catch {
      // The record misses a hint; nothing else is lost by that.
    }
  }
}

function told(label, text) {
  const lines = typeof text === "string" ? text.split("\n").flatMap((line, at) => (at === 0 ? [line] : [make("br"), line])) : [text];
  return [make("dt", {}, label), make("dd", {}, ...lines)];
}

/** Which check can pass next, and what is still to be written for it. */
function nextOf({ name, missing }) {
  const names = missing.flatMap((name, at) => [at === 0 ? "" : at < missing.length - 1 ? ", " : " and ", make("code", {}, name)]);
  return ["The next check that can pass: ", make("em", {}, name), ", once ", ...names, missing.length > 1 ? " are written." : " is written."];
}

function suspected({ misconception, page }) {
  return make("p", { className: "task-suspect" }, "Perhaps this is behind it: ", misconception, " ", make("a", { href: pageAddress(page) }, "Read on."));
}
