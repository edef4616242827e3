// A reader who never leaves the page: presses Check, sees why, sees the run, and sees the card turn green.

import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { test } from "node:test";

import { browser, course, server } from "./here.mjs";
import { card, check, stateOf } from "./pages.mjs";

/** What the holes of a stage's starters say. */
function instructions(stage) {
  const files = readdirSync(course.path("exercises", stage, "src"), { recursive: true }).filter((file) => file.endsWith(".rs"));
  const text = files.map((file) => course.read(`exercises/${stage}/src/${file}`)).join("");
  return [...text.matchAll(/todo!\(\s*"([^"]+)"/g)].map(([, instruction]) => instruction);
}

const ELECTION = "exercises/1-cap/src/raft/election.rs";
const PHONE = { width: 390, height: 740 };

const bottomOf = async (element) => (await element.boundingBox()).y + (await element.boundingBox()).height;

const isSeen = async (element) => {
  const box = await element.boundingBox();
  return box !== null && box.y >= 0 && box.y + box.height <= PHONE.height;
};

/** Whether a step of a run lies in the part of its frame that is scrolled to. */
const isSeenInItsFrame = (step) => {
  const [inner, outer] = [step, step.closest(".st-diagram")].map((element) => element.getBoundingClientRect());
  return inner.top >= outer.top && inner.top < outer.bottom;
};

test("the untouched starter fails with its instruction", async () => {
  const page = await browser.open(`${server.address}/1-cap/abd.html`);
  const own = await check(page, "abd");
  assert.match(await own.locator(".task-says").textContent(), /^This part is not written yet\./);
  const shown = await own.locator(".task-failure").first().textContent();
  assert.ok(instructions("1-cap").some((instruction) => shown.includes(instruction)), shown);
  assert.equal(await own.getAttribute("data-standing"), "open");
  assert.deepEqual(page.thrown, []);
});

test("code that does not compile shows the compiler's words, with file and line", async () => {
  const file = "exercises/1-cap/src/quorum.rs";
  const whole = course.read(file);
  course.write(file, `${whole}\nfn broken() -> usize { "three" }\n`);
  const page = await browser.open(`${server.address}/1-cap/abd.html`);
  const own = await check(page, "abd");
  const line = course.read(file).split("\n").findIndex((text) => text.includes("three")) + 1;
  assert.match(await own.locator(".task-diagnostic").first().textContent(), new RegExp(`${file}:${line}.*mismatched types`, "s"));
  assert.match(await own.locator(".task-says").textContent(), /^Your code does not compile yet/);
  course.write(file, whole);
});

test("a known bug shows its run, which can be stepped through to the end, and what may be behind it", async () => {
  course.plant("1-cap", "abd-read-without-write-back");
  const page = await browser.open(`${server.address}/1-cap/abd.html`);
  const own = await check(page, "abd");
  await own.locator("summary", { hasText: "The other failures" }).click();
  const failure = own.locator(".task-failure", { hasText: "every history is linearizable" }).first();
  const run = failure.locator("space-time").first();
  await run.waitFor();
  const steps = await run.evaluate((element) => element.trace.steps.length);
  assert.ok(steps > 3 && steps < 26, `${steps} steps`);
  assert.equal(await run.evaluate((element) => element.step), steps, "it opens where the rule breaks");
  await run.evaluate((element) => element.show(0));
  await run.locator("button").first().focus();
  for (let step = 1; step <= steps; step += 1) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await run.evaluate((element) => element.step), step);
  }
  assert.match(await run.textContent(), /linearizab/i);
  assert.match(await own.locator(".task-suspect").first().textContent(), /Perhaps this is behind it/);

  // From the middle of the run into the explorer, where another step can be taken.
  const middle = Math.floor(steps / 2);
  const labels = await run.evaluate((element) => element.trace.steps.map(({ label }) => label));
  await run.evaluate((element, step) => element.show(step), middle);
  await failure.getByRole("button", { name: "Explore from here" }).click();
  await own.locator(".explore .st-count", { hasText: `step ${middle} of ${middle}` }).waitFor();
  const walked = await own.locator(".explore space-time").evaluate((element) => element.trace.steps.map(({ label }) => label));
  assert.deepEqual(walked, labels.slice(0, middle));
  assert.ok((await own.locator(".explore-steps button").count()) > 1, "there is more than one way to go on");

  // Handed on as a file, the run opens in another reader's page.
  const [download] = await Promise.all([page.waitForEvent("download"), failure.getByRole("button", { name: "Save the run" }).first().click()]);
  const file = course.path("handed-on.json");
  await download.saveAs(file);
  const other = await browser.open(`${server.address}/introduction.html`, { isStranger: true });
  await other.locator(".right-buttons input[type=file]").setInputFiles(file);
  const shown = other.locator(".run-dialog space-time");
  await shown.waitFor();
  assert.deepEqual(await shown.evaluate((element) => element.trace.steps.map(({ label }) => label)), labels);
  rmSync(file);
  assert.deepEqual([...page.thrown, ...other.thrown], []);
});

test("a failed check opens at the step that breaks its rule, tells the thought behind it first, and is explored there in one click", async () => {
  course.plant("1-cap", "lww-last-arrival-wins");
  const page = await browser.open(`${server.address}/1-cap/ap.html`, { viewport: PHONE });
  await check(page, "lww");
  await page.reload();
  const own = card(page, "lww");
  const failure = own.locator(".task-outcome > .task-failure");
  const run = failure.locator("space-time").first();
  await run.waitFor();
  const { step, trace } = await run.evaluate(({ step, trace }) => ({ step, trace }));
  assert.equal(step, trace.steps.length);
  assert.ok(await run.locator(".st-now").evaluate(isSeenInItsFrame), "the last step is scrolled to");

  // On the screen that begins with the failure, the thought stands above the run, and leads to the fold that explains it.
  const suspect = failure.locator(".task-suspect").first();
  await failure.evaluate((element) => element.scrollIntoView());
  assert.ok((await bottomOf(suspect)) < PHONE.height);
  assert.ok((await bottomOf(suspect)) < (await bottomOf(run)));
  const fold = page.locator(new URL(await suspect.locator("a").getAttribute("href"), page.url()).hash);
  await suspect.locator("a").click();
  assert.ok(await fold.evaluate((element) => element.closest("details.misconception")?.open), "the fold is open");

  // Explore stands below the run, in view, in the check's scope and at its step.
  await failure.getByRole("button", { name: "Explore from here" }).click();
  const explore = failure.locator(".explore");
  await explore.locator(".st-count", { hasText: `step ${step} of ${step}` }).waitFor();
  await waitFor(() => isSeen(explore.locator(".explore-says")));
  assert.match(await explore.locator(".explore-says").textContent(), new RegExp(`A rule is broken: ${trace.violation.rule}`));
  const walked = await explore.locator("space-time").evaluate(({ trace }) => trace);
  assert.deepEqual([walked.check, walked.scope], [trace.check, trace.scope]);

  // Another check takes the run away, and leaves the walk.
  course.solve("1-cap");
  await check(page, "lww");
  assert.equal(await own.locator(".task-live > .explore").isVisible(), true);
  assert.deepEqual(page.thrown, []);
});

test("a card says how much there is to write, what it builds on, and which check can pass next", async () => {
  const page = await browser.open(`${server.address}/1-cap/raft-election.html`);
  const own = card(page, "election");
  assert.match(await own.locator(".task-effort").textContent(), /^Reference: \d+ lines\. Builds on The CP register\.$/);
  assert.match(await own.locator(".task-checks > summary").textContent(), /, in the order in which they can first pass$/);
  course.write(ELECTION, course.read(ELECTION).replace(/(fn start_election[^{]*\{)/, '$1 todo!("Stand.");'));
  const next = own.locator(".task-next");
  await next.filter({ hasText: /^The next check that can pass: .*, once start_election is written\.$/ }).waitFor();
  course.solve("1-cap");
  await next.filter({ hasText: /^$/ }).waitFor({ state: "hidden" });
  assert.deepEqual(page.thrown, []);
});

test("a run that takes long can be stopped from the page, and the next check runs", async () => {
  course.solve("1-cap");
  const page = await browser.open(`${server.address}/1-cap/abd.html`);
  const own = card(page, "abd");
  await own.locator(".task-button", { hasText: "Check" }).click();
  await own.locator(".task-button", { hasText: "Stop" }).click();
  await own.locator(".task-says", { hasText: "Stopped." }).waitFor();
  await check(page, "abd");
  assert.match(await own.locator(".task-says").textContent(), /^Passed/);
});

// That every task passes with the reference is shown by `cargo test`, which runs the same checks. What is left to show is that a page says so, in
// each stage: one task does, so that this takes as long as there are stages, and not as there are tasks.
test("in every stage, a task turns green with the reference in its place, and the record says so", async () => {
  for (const stage of course.stages()) {
    course.solve(stage);
    const page = await browser.open(`${server.address}/`);
    const state = await stateOf(page);
    const [task] = state.stages.find((other) => other.id === stage).tasks;
    await page.goto(`${server.address}/${task.page}`);
    const own = await check(page, task.id);
    assert.equal(await own.locator(".task-says").textContent(), `Passed: ${task.points} points.`, task.id);
    await own.and(page.locator('[data-standing="done"]')).waitFor();
    assert.match(course.read(".course/progress.toml"), new RegExp(`^\\[tasks\\.${task.id}\\]$`, "m"));
    assert.deepEqual(page.thrown, []);
  }
});

test("the dashboard sums it up and names every page, and shows a submission's report in the same way", async () => {
  const page = await browser.open(`${server.address}/dashboard.html`);
  const { stages } = await stateOf(page);
  const owed = stages.flatMap((stage) => stage.tasks).filter((task) => !task.bonus);
  const sum = (worth) => owed.reduce((total, task) => total + worth(task), 0);
  const [earned, points] = [sum((task) => task.earned), sum((task) => task.points)];
  assert.ok(earned > 0 && earned < points);
  await page.locator(".dashboard-sum", { hasText: `${earned} of ${points} points` }).waitFor();
  const isDone = (task) => task.standing === "done";
  const done = stages.flatMap((stage) => stage.tasks).filter(isDone).length;
  assert.equal(await page.locator('.dashboard-stage li[data-standing="done"]').count(), done);
  const links = await page.locator(".dashboard-stage a").evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
  for (const path of ["/1-cap/choosing.html", "/1-cap/raft.html", "/1-cap/further-reading.html"]) assert.ok(links.includes(path), path);

  course.run("report", "report.json");
  const report = JSON.parse(course.read("report.json"));
  const passed = report.stages[0].tasks.find(isDone);
  passed.earned = 0;
  passed.standing = "open";
  report.stages[0].skipped = true;
  report.stages[1].stands_on = ["1-cap"];
  course.write("report.json", JSON.stringify(report));
  await page.locator('.dashboard-opener input[type="file"]').setInputFiles(course.path("report.json"));
  await page.locator(".dashboard-sum", { hasText: `${earned - passed.points} of ${points} points` }).waitFor();
  assert.equal(await page.locator('.dashboard-stage li[data-standing="done"]').count(), done - 1);
  assert.deepEqual(await page.locator(".dashboard-ground").allTextContents(), [
    "Skipped: later stages stand on its reference solution.",
    "Stands on the reference solution of stage 1.",
  ]);
  assert.deepEqual(page.thrown, []);
});

test("a lab runs in the page, and its plot appears beside the recorded one", async () => {
  const page = await browser.open(`${server.address}/1-cap/choosing.html`);
  const lab = page.locator('.lab-card[data-lab="tradeoffs"]');
  await lab.getByRole("button", { name: "Run" }).click();
  await lab.locator("img").waitFor();
  assert.ok(await lab.locator("img").evaluate((image) => image.decode().then(() => image.naturalWidth > 100)));
  assert.match(await lab.locator(".lab-printed").textContent(), /operations answered/);
  assert.deepEqual(page.thrown, []);
});

test("hints are opened one at a time, and the record counts them", async () => {
  const page = await browser.open(`${server.address}/1-cap/abd.html`);
  const own = card(page, "abd");
  const hints = own.locator(".task-hint");
  assert.equal(await hints.nth(1).isVisible(), false);
  await own.locator(".task-hint > summary").first().click();
  await own.locator(".task-hint > summary").nth(1).click();
  await waitFor(() => /hints_shown = 2/.test(course.read(".course/progress.toml")));
});

async function waitFor(holds) {
  for (let look = 0; look < 200 && !(await holds()); look += 1) await new Promise((next) => setTimeout(next, 50));
  assert.ok(await holds());
}
