// A run as a picture.

import { make } from "./dom.js";
import "./space-time.js";

/** Beyond the end of every run: the diagram stops at its last step. */
const END = Number.MAX_SAFE_INTEGER;

/** The diagram of a run. One that breaks a rule is shown at its last step, where it does: that is where to begin to read it. */
export function diagramOf(trace) {
  const diagram = make("space-time");
  diagram.trace = trace;
  if (trace?.violation) diagram.show(END);
  return diagram;
}
