// Every kind of page, for every reader: no serious finding of axe-core, in light and in dark; and no page too heavy.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";

import { browser, course, server } from "./here.mjs";

/** Every page of the book, by its table of contents. */
const PAGES = [...course.read("book/src/SUMMARY.md").matchAll(/\]\(([^)]+)\.md\)/g)].map(
  ([, page]) => `${page.replace(/README$/, "index")}.html`,
);

/**
 * A kind of page each: the front, the dashboard, a stage's front, a chapter with questions, a card, figures and misconceptions, one with
 * runs, one with a lab, a stage in one table, a catalogue of bugs, a hunt for one, long tables, commands, definitions, plain text.
 */
const KINDS = [
  "introduction.html",
  "dashboard.html",
  "1-cap/index.html",
  "1-cap/raft-election.html",
  "1-cap/raft-counterexample.html",
  "1-cap/raft-commit.html",
  "1-cap/choosing.html",
  "1-cap/bug-hunt.html",
  "1-cap/your-figure-2.html",
  "1-cap/bugs.html",
  "2-failures/wal.html",
  "2-failures/your-figure-2.html",
  "2-failures/bugs.html",
  "commands.html",
  "assistants.html",
  "glossary.html",
  "built/matrix-1-cap.html",
  "built/style.html",
];

/** The bugs repeat themselves a hundred times and more: the first rows and folds stand for the rest. */
const REPEATS = [".matrix tbody tr:nth-child(n + 5)", ".content main > .bug:nth-of-type(n + 9)", ".content main > .matrix:nth-of-type(n + 4)"];

/** What a page may weigh on its way to the browser, in bytes. */
const HEAVIEST = 300_000;

test("each kind of page is in the book", () => {
  assert.deepEqual(KINDS.filter((path) => !PAGES.includes(path)), []);
});

for (const colorScheme of ["light", "dark"]) {
  for (const path of KINDS) {
    test(`${path} has no serious finding in the ${colorScheme}`, async () => {
      const page = await browser.open(`${server.address}/${path}`, { colorScheme });
      await page.waitForTimeout(300); // mdBook fills its sidebar after the page has loaded
      const axe = new AxeBuilder({ page });
      if (/bugs|matrix/.test(path)) REPEATS.forEach((selector) => axe.exclude(selector));
      const { violations } = await axe.analyze();
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`), []);
      assert.deepEqual(page.thrown, []);
    });
  }
}

test("no page is heavy", async () => {
  for (const path of PAGES) {
    const page = await browser.open("about:blank");
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    let weight = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (weight += encodedDataLength));
    await page.goto(`${server.address}/${path}`, { waitUntil: "load" });
    await page.waitForTimeout(300);
    console.log(`${path}: ${Math.round(weight / 1000)} kB`);
    assert.ok(weight < HEAVIEST, `${path} weighs ${weight} bytes`);
    await page.context().close();
  }
});

test("on a phone, no page is wider than the screen, and no fold is opened by what holds a link", async () => {
  for (const path of PAGES) {
    const page = await browser.open(`${server.address}/${path}`, { viewport: { width: 360, height: 740 } });
    const wide = await page.evaluate(() => {
      const boxes = [document.documentElement, document.querySelector(".content")];
      return boxes.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(({ nodeName }) => nodeName);
    });
    assert.deepEqual(wide, [], path);
    const links = await page.locator("main summary :is(a, button, input)").evaluateAll((all) => all.map((each) => each.textContent));
    assert.deepEqual(links, [], path);
    await page.context().close();
  }
});
