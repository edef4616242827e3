// What the cards of tasks and labs have in common: a button that starts something on the server, what it says meanwhile, and its end.

import { diagnosticsOf } from "./diagnostics.js";
import { make } from "./dom.js";
import { capitalised } from "./words.js";

export class JobCard {
  /**
   * @param section the card in the page
   * @param server  ./server.js
   * @param kind    "check" or "lab": what the server is asked for
   * @param name    the task or the lab
   * @param verb    what stands on the button
   * @param details what the server is told with it
   */
  constructor(section, server, { kind, name, verb, details }) {
    Object.assign(this, { section, server, kind, name, verb, details });
    this.job = null;
    this.button = make("button", { type: "button", className: "task-button", onclick: () => this.press() }, verb);
    this.says = make("span", { className: "task-says", role: "status" });
    this.outcome = make("div", { className: "task-outcome" });
    section.querySelector(".task-live").append(make("p", {}, this.button, " ", this.says), this.outcome);
    section.classList.add("is-live");
  }

  hear(news) {
    if (news.connected === false) this.say("The course's server is not there. Start it again: cargo course serve");
    if (news.connected === true && !this.job) this.say("");
    if (news.job?.what?.kind === this.kind && news.job.what.name === this.name) this.takeJob(news.job);
    if (news.line && news.of === this.job?.id) this.takeLine(news.line);
  }

  /** A job of this card: begun by this page, by another one, or long ago. */
  takeJob(job) {
    const isNew = job.id !== this.job?.id;
    if (isNew) this.forget();
    this.job = { id: job.id, status: typeof job.status === "object" ? "ended" : job.status };
    if (isNew) job.lines.forEach((line) => this.takeLine(line));
    this.showStatus(job.complaint);
  }

  showStatus(complaint) {
    const busy = this.isBusy();
    this.section.classList.toggle("is-busy", busy);
    this.button.textContent = busy ? "Stop" : this.verb;
    if (this.job.status === "queued") this.say("Waits for its turn.");
    if (this.job.status === "stopped") this.say("Stopped.");
    if (complaint) {
      this.say("The course itself failed. It says:");
      this.outcome.replaceChildren(make("pre", {}, complaint.trim()));
    }
  }

  isBusy() {
    return this.job?.status === "queued" || this.job?.status === "running";
  }

  /** What the job says; a card has more to do for some lines. */
  takeLine(line) {
    if (line.event === "building") this.say(capitalised(line.what));
    if (line.event === "does-not-compile") this.showDiagnostics(line);
  }

  showDiagnostics({ diagnostics, says }) {
    this.say(says);
    this.outcome.replaceChildren(...diagnosticsOf(diagnostics));
  }

  forget() {
    this.outcome.replaceChildren();
  }

  async press() {
    this.button.disabled = true;
    try {
      if (this.isBusy()) await this.server.ask("stop", { job: this.job.id });
      else await this.server.ask(this.kind, this.details);
    } catch (error) {
      this.say(error.message);
    }
    this.button.disabled = false;
  }

  say(text) {
    this.says.textContent = text;
  }
}
