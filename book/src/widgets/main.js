// Brings the pages to life. Without this script a page is complete all the same: cards name the command to run, and answers can be opened.

import { Dashboard } from "./dashboard.js";
import { make } from "./dom.js";
import { tendFolds } from "./folds.js";
import { LabCard } from "./lab-card.js";
import { mendPage } from "./page.js";
import { Quiz } from "./quiz.js";
import { openRuns } from "./run-file.js";
import * as server from "./server.js";
import "./space-time.js";
import { TaskCard } from "./task-card.js";

const all = (selector, make) => [...document.querySelectorAll(selector)].map(make);

/** What a page says that is not served to its reader. */
const locked = () => {
  const command = make("code", {}, "cargo course serve");
  return make("p", { className: "task-says" }, "To check your code here, open the book at the address that ", command, " printed.");
};

mendPage();
tendFolds();
openRuns();
if (server.isLocked) all(".task-live, .dashboard-live", (live) => live.append(locked()));
const widgets = [
  ...all(".quiz", (section) => new Quiz(section, server.isHere ? server : null)),
  ...all(".dashboard", (element) => new Dashboard(element)),
];
if (server.isHere) {
  widgets.push(
    ...all(".task-card", (section) => new TaskCard(section, server)),
    ...all(".lab-card", (section) => new LabCard(section, server)),
  );
  if (widgets.length > 0) server.follow((news) => widgets.forEach((widget) => widget.hear(news)));
}
