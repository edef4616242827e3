// A run as a file: one reader saves it, and another opens it by dropping it onto any page of the book, or with the button beside the search. The
// file stays in the browser: nothing is sent anywhere. What it holds is foreign, so it is looked at before it is drawn, and drawn as text.

import { make } from "./dom.js";
import { diagramOf } from "./run.js";
import { problemOf } from "./space-time-model.js";

/** How large a file may be, in mebibytes. A run of thousands of simulated steps has a few. */
const LARGEST = 16;

/** How many participants and steps are drawn. */
const MOST = { participants: 64, steps: 10_000 };

/** After how many milliseconds the browser has surely read what is saved. */
const READ = 5000;

/** Saves a run as a file. */
export function saveRun(trace, name) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(trace, null, 2)], { type: "application/json" }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), READ);
}

/** Reads a run from a file. Throws an Error with a sentence if it holds none that can be shown. */
async function readRun(file) {
  if (file.size > LARGEST * 1024 * 1024) throw new Error(`${file.name} is larger than ${LARGEST} MiB: no run of the course is.`);
  let trace = null;
  try {
    trace = JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is not a run: its text is not JSON.`);
  }
  const problem = problemOf(trace) || excessOf(trace);
  if (problem) throw new Error(`${file.name} is not a run that can be shown. ${problem}`);
  return trace;
}

/** Why a run is too large to be drawn; nothing if it is not. */
function excessOf({ participants, steps }) {
  if (participants.length > MOST.participants) return `It has more than ${MOST.participants} participants.`;
  if (steps.length > MOST.steps) return `It has more than ${MOST.steps} steps.`;
  return "";
}

/** Shows a run, or why there is none, in front of the page. */
function show(title, content) {
  const close = make("button", { type: "button", className: "task-button", onclick: () => dialog.close() }, "Close");
  const head = make("p", { className: "run-head" }, make("strong", {}, title), " ", close);
  const dialog = make("dialog", { className: "run-dialog", "aria-label": title, onclose: () => dialog.remove() }, head, content);
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page turns on arrow keys
  document.body.append(dialog);
  dialog.showModal();
}

async function open(file) {
  document.querySelectorAll(".run-dialog").forEach((dialog) => dialog.remove());
  try {
    const trace = await readRun(file);
    show(file.name, diagramOf(trace));
  } catch (error) {
    show(file.name, make("p", { className: "task-failed", role: "alert" }, error.message));
  }
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** From now on, a run that is dropped onto this page is shown. */
export function openRuns() {
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event) || event.target.closest?.('input[type="file"]')) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) open(file);
  });
  document.querySelector(".right-buttons")?.prepend(opener());
}

/** The same for readers who do not drag files: a button that asks for one. */
function opener() {
  const input = make("input", { type: "file", accept: ".json,application/json", hidden: true });
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) open(file);
    input.value = ""; // so that the same file can be opened again
  });
  const label = "Open a run that was saved to a file (or drop the file onto the page)";
  const button = make("button", { type: "button", className: "run-opener", title: label, "aria-label": label, onclick: () => input.click() }, "Open run");
  return make("span", {}, button, input);
}
