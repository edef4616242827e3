// What a page keeps folded: a misconception, a known bug and its run. A fold opens by itself when the page's address names it, when it holds
// what the reader has searched for, and on paper. A run is loaded when its bug is opened for the first time.

import { make } from "./dom.js";
import { diagramOf } from "./run.js";

const FOLDS = "details.misconception, details.bug";

/** Makes this page's folds open when they should. */
export function tendFolds() {
  document.addEventListener("toggle", ({ target }) => target.open && target.matches(".bug") && loadRun(target), { capture: true });
  document.addEventListener("click", ({ target }) => leadsHere(target.closest("a")) && openTarget());
  addEventListener("hashchange", openTarget);
  addEventListener("beforeprint", () => document.querySelectorAll("details.misconception").forEach((fold) => (fold.open = true)));
  openTarget();
  openFound(new URL(location).searchParams.get("highlight") ?? "");
}

/** Whether a link names what the page's address names already: following it again is no event. */
const leadsHere = (link) => link?.hash && link.href === location.href;

/** What the page's address names. */
function named() {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null; // the address is garbled
  }
}

/** Opens what the page's address names, with the folds around it. */
function openTarget() {
  const target = named();
  for (let fold = target?.closest(FOLDS); fold; fold = fold.parentElement.closest(FOLDS)) {
    fold.open = true;
    target.scrollIntoView();
  }
}

/** Opens the folds that have all words of a search in them. */
function openFound(search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return;
  for (const fold of document.querySelectorAll(FOLDS)) {
    const text = fold.textContent.toLowerCase();
    if (words.every((word) => text.includes(word))) fold.open = true;
  }
}

/** Puts the run of a bug in front of the link to its file, at its last step: where it breaks the rule. */
async function loadRun(bug) {
  const link = bug.querySelector(":scope > .run > a");
  if (!link || bug.dataset.run) return;
  bug.dataset.run = "loading";
  bug.querySelector(":scope > .run-failed")?.remove();
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error(`the answer was ${answer.status}`);
    link.before(diagramOf(await answer.json()));
    bug.dataset.run = "shown";
  } catch (error) {
    delete bug.dataset.run; // so that opening it again tries again
    link.parentElement.after(make("p", { className: "run-failed", role: "alert" }, `The run could not be loaded: ${error.message}.`));
  }
}
