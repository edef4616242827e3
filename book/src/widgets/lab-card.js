// A lab's card, on a page that the course's server serves: a Run button, what the lab prints, and the plot that it draws.

import { make } from "./dom.js";
import { JobCard } from "./job-card.js";

export class LabCard extends JobCard {
  constructor(section, server) {
    const lab = section.dataset.lab;
    super(section, server, { kind: "lab", name: lab, verb: "Run", details: { lab } });
  }

  forget() {
    super.forget();
    this.printed = null;
  }

  takeLine(line) {
    super.takeLine(line);
    if (line.event === "printed") this.print(line.text);
    if (line.event === "drawn") this.showPlots(line.plots);
  }

  print(text) {
    if (!this.printed) {
      this.printed = make("pre", { className: "lab-printed", tabIndex: 0 });
      this.outcome.append(this.printed);
    }
    this.say("Runs.");
    this.printed.append(`${text}\n`);
  }

  async showPlots(plots) {
    this.say("Done, on your own code:");
    for (const plot of plots) {
      try {
        const source = URL.createObjectURL(await this.server.plot(plot));
        this.outcome.prepend(make("img", { src: source, alt: `What the lab has drawn: ${plot}` }));
      } catch (error) {
        this.outcome.prepend(make("p", {}, error.message));
      }
    }
  }
}
