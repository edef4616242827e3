// Code that does not compile: the compiler's words, each with its file and line.

import { make } from "./dom.js";

/** An element for each of the compiler's messages. */
export function diagnosticsOf(diagnostics) {
  return diagnostics.map(({ file, line, rendered }) => {
    const where = file && make("p", {}, make("code", {}, `${file}:${line}`));
    return make("div", { className: "task-diagnostic" }, where, make("pre", { tabIndex: 0 }, rendered.trim()));
  });
}
