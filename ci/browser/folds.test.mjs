// What a page keeps folded: misconceptions and known bugs open when they should, and a run is loaded when its bug is opened and no sooner.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { files } from "./files.mjs";
import { browser, course, server } from "./here.mjs";

const BUG = "raft-vote-not-saved";
const SECTION = "vote-forgotten";
const PAGE = "1-cap/raft-election.html";

/** The fold of a misconception. */
const misconception = (page, id) => page.locator(`details.misconception:has(> summary > #${id})`);
const isOpen = (fold) => fold.evaluate((element) => element.open);

/** Whether the top of an element is in the window. */
const isInView = (fold) =>
  fold.evaluate((element) => {
    const { top } = element.getBoundingClientRect();
    return top >= 0 && top < innerHeight;
  });

/** Notes the runs that a page loads. */
function noteRuns(page) {
  const loaded = [];
  page.on("request", (request) => {
    const [, run] = request.url().match(/\/traces\/(.+)\.json$/) ?? [];
    if (run) loaded.push(run);
  });
  return loaded;
}

test("a bug of the catalogue shows its run when it is opened, at the last step, and loads it once", async () => {
  const page = await browser.open("about:blank");
  const loaded = noteRuns(page);
  await page.goto(`${server.address}/1-cap/bugs.html`);
  const bug = page.locator(`#${BUG}`);
  const recorded = JSON.parse(course.read(`book/src/1-cap/traces/${BUG}.json`));
  assert.deepEqual(loaded, []);
  await bug.locator("> summary").click();
  const run = bug.locator("space-time");
  await run.locator(".st-violation").waitFor();
  assert.deepEqual(await run.evaluate(({ trace, step }) => ({ trace, step })), { trace: recorded, step: recorded.steps.length });
  await run.locator(".st-diagram").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  assert.equal(await run.evaluate((element) => element.step), 1);
  assert.match(page.url(), /bugs/, "the keys do not turn the page");
  await bug.locator("> summary").click();
  await bug.locator("> summary").click();
  assert.deepEqual(loaded, [BUG]);
  assert.deepEqual(page.thrown, []);
});

test("a catalogue tells what was seen where, and shows no code", async () => {
  const page = await browser.open(`${server.address}/1-cap/bugs.html`);
  const bugs = readdirSync(course.path("solutions/1-cap/bugs")).filter((file) => file.endsWith(".patch"));
  assert.equal(await page.locator("main details.bug").count(), bugs.length);
  const seen = bugs.filter((file) => /^Seen: /m.test(course.read(`solutions/1-cap/bugs/${file}`)));
  assert.equal(await page.locator("main .bug-seen").count(), seen.length);
  const bug = page.locator("#raft-vote-reset-by-the-leader");
  await bug.locator("> summary").click();
  assert.equal(await bug.locator("a", { hasText: "camunda/camunda issue 5356" }).getAttribute("href"), "https://github.com/camunda/camunda/issues/5356");
  const groups = await page.locator("main").evaluate((main) => {
    const groups = [];
    for (const element of main.children) {
      if (element.matches(".bug-section")) groups.push([]);
      if (element.matches(".bug")) groups.at(-1).push(element.querySelector(".bug-seen") !== null);
    }
    return groups;
  });
  for (const marks of groups) assert.deepEqual(marks, marks.toSorted((one, other) => other - one), "what was seen comes first");
  assert.equal(await page.locator("main pre").count(), 0);
  assert.deepEqual(page.thrown, []);
});

test("a misconception is folded, and has the runs of its bugs", async () => {
  const page = await browser.open(`${server.address}/${PAGE}`);
  const fold = misconception(page, SECTION);
  assert.equal(await isOpen(fold), false);
  assert.equal(await page.locator("main details.misconception[open]").count(), 0);
  await fold.locator("> summary").click();
  const text = await fold.textContent();
  const bugs = readdirSync(course.path("solutions/1-cap/bugs"))
    .filter((file) => file.endsWith(".patch"))
    .filter((file) => course.read(`solutions/1-cap/bugs/${file}`).includes(`\nPage: 1-cap/raft-election.md#${SECTION}\n`));
  assert.equal(await fold.locator("details.bug").count(), bugs.length, text);
  const bug = fold.locator("details.bug", { has: page.locator(`a[href$="/${BUG}.json"]`) });
  await bug.locator("> summary").click();
  await bug.locator("space-time .st-violation").waitFor();
  assert.deepEqual(page.thrown, []);
});

test("a misconception opens when the address names it: at the start, by a link, and by the same link again", async () => {
  const page = await browser.open(`${server.address}/${PAGE}#${SECTION}`);
  const fold = misconception(page, SECTION);
  assert.ok(await isOpen(fold));
  await page.waitForFunction((id) => document.getElementById(id).getBoundingClientRect().top < innerHeight, SECTION);
  await page.evaluate(() => {
    const link = document.createElement("a");
    Object.assign(link, { href: "#votes-twice", textContent: "there", id: "test-link" });
    document.querySelector("main").prepend(link);
  });
  const other = misconception(page, "votes-twice");
  for (let time = 0; time < 2; time += 1) {
    await page.locator("#test-link").click();
    await page.waitForFunction((fold) => fold.open, await other.elementHandle());
    assert.ok(await isInView(other));
    await other.evaluate((element) => (element.open = false));
  }
  assert.deepEqual(page.thrown, []);
});

test("a search finds what is folded, leads there, and opens it", async () => {
  const page = await browser.open(`${server.address}/${PAGE}`);
  const title = await misconception(page, SECTION).locator("h3").textContent();
  await page.locator("#mdbook-search-toggle").click();
  await page.locator("#mdbook-searchbar").fill(title);
  const hit = page.locator(`#mdbook-searchresults a[href*="#${SECTION}"]`).first();
  await hit.waitFor();
  await hit.click();
  await page.waitForURL(/highlight=/);
  const fold = misconception(page, SECTION);
  await page.waitForFunction((fold) => fold.open, await fold.elementHandle());
  assert.ok(await isInView(fold));
  assert.deepEqual(page.thrown, []);
});

test("the list of a page's headings has neither misconceptions nor bugs in it", async () => {
  for (const path of [PAGE, "1-cap/bugs.html", "built/matrix-1-cap.html"]) {
    const page = await browser.open(`${server.address}/${path}`);
    await page.locator(".header-in-summary").first().waitFor({ state: "attached" });
    const listed = await page.locator(".header-in-summary").evaluateAll((links) => links.map((link) => link.textContent));
    const headings = await page.locator("main :is(h3:not(:has(a.header)), .bug > summary)").evaluateAll((all) => all.map((each) => each.textContent));
    assert.deepEqual(listed.filter((text) => headings.some((heading) => heading.includes(text))), [], path);
  }
});

test("on paper misconceptions are open, and without scripts they can be read and runs are files", async () => {
  const page = await browser.open(`${files.address}/${PAGE}`, { javaScriptEnabled: false });
  const fold = misconception(page, SECTION);
  const body = fold.locator("> p").first();
  assert.equal(await body.isVisible(), false);
  await fold.locator("> summary").click();
  assert.ok(await body.isVisible());
  await fold.locator("> summary").click();
  await page.emulateMedia({ media: "print" });
  assert.ok((await body.boundingBox()).height > 0);
  const link = await page.locator(`details.bug a[href$="/${BUG}.json"]`).first().getAttribute("href");
  const answer = await page.request.get(new URL(link, page.url()).href);
  assert.deepEqual(await answer.json(), JSON.parse(course.read(`book/src/1-cap/traces/${BUG}.json`)));
});

test("a run that cannot be loaded says so, and is tried again", async () => {
  const page = await browser.open(`${server.address}/1-cap/bugs.html`);
  const run = `**/traces/${BUG}.json`;
  await page.route(run, (route) => route.fulfill({ status: 503, body: "" }));
  const bug = page.locator(`#${BUG}`);
  await bug.locator("> summary").click();
  await bug.locator(".run-failed", { hasText: "could not be loaded: the answer was 503" }).waitFor();
  await page.unroute(run);
  await bug.locator("> summary").click();
  await bug.locator("> summary").click();
  await bug.locator("space-time .st-violation").waitFor();
  assert.equal(await bug.locator(".run-failed").count(), 0);
  assert.deepEqual(page.thrown, []);
});

test("the kill matrix keeps its head and its first column in view", async () => {
  for (const viewport of [{ width: 1200, height: 700 }, { width: 390, height: 700 }]) {
    const page = await browser.open(`${server.address}/built/matrix-1-cap.html`, { viewport });
    const largest = await page.locator(".matrix").evaluateAll((all) => all.map((box) => box.scrollHeight * box.scrollWidth).reduce((best, size, at, sizes) => (size > sizes[best] ? at : best), 0));
    const box = page.locator(".matrix").nth(largest);
    const places = await box.evaluate((box) => {
      box.scrollIntoView();
      box.scrollTo(box.scrollWidth, box.scrollHeight);
      const { top, left } = box.getBoundingClientRect();
      const last = box.querySelector("tbody tr:last-child > th").getBoundingClientRect();
      const head = box.querySelector("thead th:last-child").getBoundingClientRect();
      return { head: head.top - top, column: last.left - left, moved: box.scrollTop };
    });
    assert.ok(places.moved > 0 && places.head < 3 && places.column < 3, JSON.stringify(places));
  }
});
