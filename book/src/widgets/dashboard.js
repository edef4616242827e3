// Where the reader is: the stages with what was done, what comes next, and how long ago the last pass was. A mentor opens a submission's
// report (`cargo course report`) on the same page.

import { make, pageAddress } from "./dom.js";
import { STANDING, count } from "./words.js";

export class Dashboard {
  constructor(element) {
    this.element = element;
    this.report = null;
    this.live = element.querySelector(".dashboard-live");
    element.append(this.opener());
  }

  hear(news) {
    if (news.state && !this.report) this.show(news.state);
  }

  show(state) {
    if (state.problem) return this.tell(make("p", { className: "task-failed" }, state.problem));
    const tasks = state.stages.flatMap((stage) => stage.tasks);
    tasks.forEach((task) => this.mark(task));
    state.stages.forEach((stage) => {
      this.ground(stage);
      this.sum(stage);
    });
    this.tell(make("p", { className: "dashboard-sum" }, this.summary(tasks)), ...this.unclaimed(state), ...this.next(state, tasks));
  }

  summary(tasks) {
    const owed = tasks.filter((task) => !task.bonus);
    const earned = sum(owed.map((task) => task.earned));
    const extra = sum(tasks.filter((task) => task.bonus).map((task) => task.earned));
    const bonus = extra > 0 ? `, and ${extra} on top` : "";
    return `${earned} of ${count(sum(owed.map((task) => task.points)), "point")}${bonus}. ${lastPass(tasks)}`;
  }

  next(state, tasks) {
    const next = tasks.find((task) => task.id === state.next);
    if (this.report) return [make("p", {}, `A report of ${new Date(state.at).toLocaleString()}. It says what the record says; proof is in a run of the checks.`)];
    const { again, read, offers, done } = state.ahead;
    const worth = next?.bonus ? `a bonus of ${count(next.points, "point")}` : next && count(next.points, "point");
    const why = again === "" ? worth : again;
    const offered = tasks.filter((task) => offers.includes(task.id));
    return [
      ...done.map((line) => make("p", {}, line)),
      done.length > 0 && read.length > 0 && make("p", {}, "Left to read: ", ...linked(read)),
      next && make("p", {}, "Next: ", linkTo(next), ` (${why})`),
      done.length === 0 && read.length > 1 && make("p", {}, "On the way: ", ...linked(read.slice(0, -1))),
      ...offered.map((task) => make("p", {}, "If you like: ", linkTo(task), ` (a bonus of ${count(task.points, "point")})`)),
    ].filter(Boolean);
  }

  /** Passes that the record holds and no task claims. */
  unclaimed({ ahead }) {
    return ahead?.unclaimed ? [make("p", { className: "task-failed" }, ahead.unclaimed)] : [];
  }

  mark(task) {
    const item = this.element.querySelector(`li[data-task="${CSS.escape(task.id)}"]`);
    if (!item) return;
    item.dataset.standing = task.standing;
    let standing = item.querySelector(".task-standing");
    if (!standing) {
      standing = make("span", { className: "task-standing" });
      item.append(" ", standing);
    }
    const hints = task.hints_shown > 0 ? `, ${count(task.hints_shown, "hint")}` : "";
    const help = task.help?.length > 0 ? ", with help" : "";
    standing.textContent = STANDING[task.standing] + (task.standing === "open" ? "" : hints + help);
    standing.title = (task.help ?? []).join("\n");
  }

  section(stage) {
    return this.element.querySelector(`[data-stage="${CSS.escape(stage.id)}"]`);
  }

  /** That later stages stand on a stage's reference, and on whose reference it stands itself. */
  ground(stage) {
    const section = this.section(stage);
    if (!section) return;
    section.querySelectorAll(".dashboard-ground").forEach((line) => line.remove());
    const skipped = stage.skipped ? ["Skipped: later stages stand on its reference solution."] : [];
    const stands = (stage.stands_on ?? []).map((id) => `Stands on the reference solution of stage ${id.split("-")[0]}.`);
    section.querySelector(".task-head").after(...[...skipped, ...stands].map((words) => make("p", { className: "dashboard-ground" }, words)));
  }

  sum(stage) {
    const section = this.section(stage);
    const owed = stage.tasks.filter((task) => !task.bonus);
    if (!section || owed.length === 0) return;
    const [value, max] = [sum(owed.map((task) => task.earned)), sum(owed.map((task) => task.points))];
    section.querySelector("progress")?.remove();
    section.querySelector(".task-head").after(make("progress", { value, max, "aria-label": `${value} of ${max} points` }));
  }

  /** Opens a report. It stays in the browser: nothing is sent anywhere. */
  opener() {
    const input = make("input", { type: "file", accept: ".json,application/json", onchange: () => this.open(input.files[0]) });
    return make("p", { className: "dashboard-opener" }, make("label", {}, "A submission's report: ", input));
  }

  async open(file) {
    if (!file) return;
    try {
      const report = JSON.parse(await file.text());
      if (!Array.isArray(report.stages)) throw new Error("no stages");
      this.report = report;
      this.show(report);
    } catch {
      this.tell(make("p", { className: "task-failed" }, `${file.name} is not a report. \`cargo course report\` writes one.`));
    }
  }

  tell(...parts) {
    this.live.replaceChildren(...parts);
  }
}

const linkTo = (task) => make("a", { href: pageAddress(task.page) }, task.title);

/** Links to pages, with commas between them. */
function linked(pages) {
  return pages.flatMap(([title, address], at) => [at > 0 && ", ", make("a", { href: pageAddress(address) }, title)]).filter(Boolean);
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** "The last pass was 3 days ago." */
function lastPass(tasks) {
  const times = tasks.map((task) => Date.parse(task.passed_at)).filter((time) => !Number.isNaN(time));
  if (times.length === 0) return "No task has passed yet.";
  const minutes = (Date.now() - Math.max(...times)) / 60_000;
  const [unit, length] = [["day", 1440], ["hour", 60], ["minute", 1]].find(([, length]) => minutes >= length) ?? ["minute", 1];
  const ago = new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(-Math.max(1, Math.floor(minutes / length)), unit);
  return `The last pass was ${minutes < 1 ? "just now" : ago}.`;
}
