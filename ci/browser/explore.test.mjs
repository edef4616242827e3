// Explore: a reader walks through the states of their own code, goes back, branches, keeps what they have found, and is told whatever goes wrong.

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";

import { browser, course, server } from "./here.mjs";
import { card, check, stateOf } from "./pages.mjs";

const ABD = "1-cap/abd.html";
const MINE = "exercises/1-cap/tests/mine/mod.rs";
const HANDLER = "exercises/1-cap/src/abd.rs";
const AP = "exercises/1-cap/src/lww.rs";

/** Where the code of `abd` takes the answer to a question. */
const ANSWERED = /fn on_query_reply\([^{]*\{/;

const button = (own, name) => own.locator(".explore").getByRole("button", { name, exact: true });
const choices = (own) => own.locator(".explore-steps button");
const says = (own, text) => own.locator(".explore-says").filter({ hasText: text }).waitFor();
const trace = (own) => own.locator(".explore space-time").evaluate((element) => element.trace);
const labels = async (own) => (await trace(own)).steps.map(({ label }) => label);

/** Opens a page that is closed with its test, and so are its walks: a server guides four at once. */
async function open(t, path, { address = server.address, ...options } = {}) {
  const page = await browser.open(`${address}/${path}`, options);
  t.after(() => page.context().close());
  return page;
}

/** Presses Explore, and waits for the first place or for why there is none. */
async function explore(page, task) {
  const own = card(page, task);
  await own.getByRole("button", { name: "Explore", exact: true }).click();
  const told = own.locator(".explore:not(.is-empty) .explore-says, .explore:has(.explore-outcome > *)");
  const outcome = told.or(own.locator(".explore-says", { hasText: "without a model" }));
  await outcome.first().waitFor({ timeout: 120_000 }).catch(async ({ message }) => {
    throw new Error(`it says: ${await own.locator(".explore-says").textContent()}\n${message}`);
  });
  return own;
}

/** Waits for the place after this many steps. */
async function arrive(own, steps) {
  const grown = own.locator(".explore .st-count", { hasText: `step ${steps} of ${steps}` });
  await grown.waitFor({ timeout: 20_000 }).catch(async ({ message }) => {
    throw new Error(`it says: ${await own.locator(".explore-says").textContent()}\n${message}`);
  });
}

/** Takes a step by its label; the first one if none is named. */
async function take(own, label) {
  const { length } = await labels(own);
  await (label ? button(own, label) : choices(own)).first().click();
  await arrive(own, length + 1);
}

async function takeSteps(own, count) {
  for (let step = 0; step < count; step += 1) await take(own);
}

/** Unfolds what can go wrong, and what lies beyond the scope. */
async function unfold(own) {
  await own.locator(".explore-choices details:not([hidden])").evaluateAll((all) => all.forEach((details) => (details.open = true)));
}

const hasFocus = (own, selector) => own.locator(selector).evaluate((element) => element.contains(document.activeElement));

test("five steps make the diagram grow by five, keep the rules and the focus; two back, another way can be taken", async (t) => {
  course.solve("1-cap");
  const page = await open(t, ABD);
  const own = await explore(page, "abd");
  for (let step = 1; step <= 5; step += 1) {
    const label = await choices(own).first().textContent();
    await take(own);
    assert.equal((await labels(own)).at(-1), label);
    await says(own, `Step ${step}: ${label}.`);
    assert.ok(await hasFocus(own, ".explore-choices"));
  }
  assert.deepEqual(await own.locator(".explore-rules li").evaluateAll((all) => all.map(({ dataset }) => dataset.is)), ["kept", "unseen"]);
  const before = await labels(own);

  await own.locator(".explore space-time").evaluate((element) => element.show(3));
  await says(own, "You look at step 3.");
  await button(own, "Go on from here").click();
  await arrive(own, 3);
  assert.ok(await hasFocus(own, ".explore-choices"));
  assert.equal(await button(own, "Go on from here").count(), 0);
  const other = await choices(own).last().textContent();
  await unfold(own);
  await take(own, other);
  assert.deepEqual(await labels(own), [...before.slice(0, 3), other]);

  await button(own, "One step back").click();
  await arrive(own, 3);
  await button(own, "From the start").click();
  await arrive(own, 0);
  assert.ok(await hasFocus(own, ".explore"));
  assert.deepEqual(page.thrown, []);
});

test("a step beyond the scope is marked, and what stands in another scope begins anew", async (t) => {
  const page = await open(t, ABD);
  const own = await explore(page, "abd");
  const beyond = own.locator(".explore-choices details", { hasText: "Beyond this check's scope" });
  await beyond.locator("summary").click();
  await beyond.getByRole("button", { name: "n0 crashes", exact: true }).click();
  await arrive(own, 1);
  assert.ok(await beyond.evaluate(({ open }) => open), "it stays unfolded");

  await own.locator(".explore select").selectOption({ index: 3 });
  await arrive(own, 0);
  assert.equal((await trace(own)).scope, await own.locator(".explore option").nth(3).textContent());
  assert.deepEqual(page.thrown, []);
});

test("a run is saved and played in the terminal, and kept as a test", async (t) => {
  const page = await open(t, ABD);
  const own = await explore(page, "abd");
  assert.equal(await button(own, "Keep as a test").getAttribute("aria-disabled"), "true");
  await takeSteps(own, 4);

  const [download] = await Promise.all([page.waitForEvent("download"), button(own, "Save the run").click()]);
  assert.equal(download.suggestedFilename(), "walk-abd-4-steps.json");
  const file = course.path("walk.json");
  await download.saveAs(file);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), await trace(own));
  const played = course.run("replay", file);
  assert.match(played, /the run of 4 steps breaks no rule/);
  rmSync(file);

  const mine = course.read(MINE);
  await button(own, "Keep as a test").click();
  await says(own, "Kept as");
  const [name, kept, command] = await own.locator(".explore-says code").allTextContents();
  assert.equal(kept, MINE);
  assert.match(course.read(MINE), new RegExp(`fn ${name}\\(\\)`));
  assert.equal(command, `cargo test -p cap ${name}`);
  course.write(MINE, mine);
  assert.deepEqual(page.thrown, []);
});

test("every task that is checked with a model opens with something to do, and the others say that they have none", async (t) => {
  const page = await open(t, "");
  const { stages } = await stateOf(page);
  const without = [];
  for (const { id, page: path } of stages.find(({ id }) => id === "1-cap").tasks) {
    await page.goto(`${server.address}/${path}`);
    const own = await explore(page, id);
    if ((await choices(own).count()) > 0) continue;
    assert.match(await own.locator(".explore-says").textContent(), /^This task is checked without a model/, id);
    without.push(id);
  }
  assert.deepEqual(without, ["break", "break-shortest", "minority", "minority-shortest", "figure-8"]);
  assert.deepEqual(page.thrown, []);
});

for (const colorScheme of ["light", "dark"]) {
  test(`the open panel has no serious finding in the ${colorScheme}`, async (t) => {
    const page = await open(t, ABD, { colorScheme });
    const own = await explore(page, "abd");
    await takeSteps(own, 2);
    await unfold(own);
    const { violations } = await new AxeBuilder({ page }).include(".task-card").analyze();
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`), []);
  });
}

test("on a phone, the open panel is not wider than the screen", async (t) => {
  const page = await open(t, ABD, { viewport: { width: 360, height: 740 } });
  const own = await explore(page, "abd");
  await takeSteps(own, 5);
  await unfold(own);
  const { content, screen } = await page.evaluate(() => ({ content: document.documentElement.scrollWidth, screen: innerWidth }));
  assert.ok(content <= screen, `${content} > ${screen}`);
});

test("a server that goes away is told, and what is shown stays", async (t) => {
  const other = await course.serve();
  const page = await open(t, ABD, { address: other.address });
  const own = await explore(page, "abd");
  await takeSteps(own, 2);
  await other.stop();
  await says(own, "The connection to your code is gone.");
  assert.equal((await labels(own)).length, 2);
  assert.deepEqual(page.thrown, []);
});

test("a refusal is told, and still stands once the connection has ended; the next step connects again", async (t) => {
  const page = await open(t, "");
  const refusal = JSON.stringify({ event: "refused", says: "The disk is full." });
  let isFull = false;
  await page.routeWebSocket(/\/api\/walk\//, (socket) => {
    const walk = socket.connectToServer();
    socket.onMessage(async (request) => {
      if (!isFull) return walk.send(request);
      socket.send(refusal);
      await socket.close();
    });
  });
  await page.goto(`${server.address}/${ABD}`);
  const own = await explore(page, "abd");
  isFull = true;
  await choices(own).first().click();
  await says(own, "The disk is full.");
  await page.waitForTimeout(300); // by then the page has heard of the end
  assert.equal(await own.locator(".explore-says").textContent(), "The disk is full.");
  isFull = false;
  await take(own);
  assert.deepEqual(page.thrown, []);
});

test("the keys that turn the book's pages do not lose a walk", async (t) => {
  const page = await open(t, ABD);
  const own = await explore(page, "abd");
  await take(own);
  await choices(own).first().focus();
  for (const key of ["ArrowRight", "ArrowLeft"]) await page.keyboard.press(key);
  await page.waitForTimeout(300); // the page would turn by then
  await take(own);
  assert.equal((await labels(own)).length, 2);
  assert.equal(page.url(), `${server.address}/${ABD}`);
});

test("the run that breaks a rule can be walked, step by step, and is mended by taking up what was changed", async (t) => {
  course.plant("1-cap", "lww-last-arrival-wins");
  const page = await open(t, "1-cap/ap.html");
  const found = await (await check(page, "lww")).locator(".task-failure space-time").first().evaluate((element) => element.trace);
  const own = await explore(page, "lww");
  const name = found.check.split("::").at(-1).replaceAll("_", " ");
  const index = await own.locator(".explore select").evaluate(
    ({ options }, wanted) => [...options].findIndex(({ parentNode, text }) => parentNode.label === wanted.name && text === wanted.scope),
    { name, scope: found.scope },
  );
  await own.locator(".explore select").selectOption({ index });
  await says(own, "The run is at its start.");
  for (const { label } of found.steps.slice(found.staged)) {
    await unfold(own);
    await take(own, label);
  }
  const { rule } = found.violation;
  await says(own, `A rule is broken: ${rule}.`);
  const broken = own.locator('.explore-rules [data-is="broken"]');
  assert.match(await broken.textContent(), new RegExp(`${rule}.*✗ broken since step ${found.steps.length}`));
  assert.ok(found.violation.explanation.startsWith(await broken.locator(".explore-why").textContent()));

  course.solve("1-cap");
  await button(own, "Take up my changes").click();
  await broken.waitFor({ state: "detached" });
  assert.deepEqual(await labels(own), found.steps.map(({ label }) => label));
  assert.deepEqual(page.thrown, []);
});

test("a rule that breaks behind a step beyond the scope is told with that; a step that is not possible any more ends the walk before it", async (t) => {
  course.plant("1-cap", "lww-own-write-not-kept");
  const page = await open(t, "1-cap/ap.html");
  const own = await explore(page, "lww");
  await own.locator(".explore select").selectOption({ label: "one client at one of three servers" });
  await says(own, "The run is at its start.");
  await unfold(own);
  await take(own, "n2 crashes");
  await take(own, "c0 asks n1: Write(1)");
  await take(own, "c0 asks n1: Read");
  await says(own, "A rule is broken: linearizability.");
  await own.locator(".explore-doubt", { hasText: "Step 1 lies beyond this check's scope." }).waitFor();

  await button(own, "One step back").click();
  await arrive(own, 2);
  const received = "n0 receives Update(1@1.n1) from n1";
  await take(own, received);
  const whole = course.read(AP);
  course.write(AP, whole.replace(/out\.send_all\(.*\);/, "let _ = written;"));
  await button(own, "Take up my changes").click();
  await says(own, `“${received}” is not possible here`);
  assert.equal((await labels(own)).length, 2);
  course.solve("1-cap");
  assert.deepEqual(page.thrown, []);
});

test("code that ends its process, or never answers, is told; the place before it stays", async (t) => {
  const whole = course.read(HANDLER);
  course.write(HANDLER, whole.replace(ANSWERED, "$& std::process::abort();"));
  const page = await open(t, ABD);
  const own = await explore(page, "abd");
  await take(own, "c1 asks n1: Read");
  await button(own, "n0 receives Query { operation: c1#0 } from n1").click(); // what n0 answers is tried at once
  await says(own, "Your code has ended the walk");
  assert.match(await own.locator(".explore-outcome pre").textContent(), /\S/);
  assert.deepEqual(await labels(own), ["c1 asks n1: Read"]);

  course.write(HANDLER, whole.replace(ANSWERED, "$& while self.held == self.held { std::hint::spin_loop() }"));
  await button(own, "Take up my changes").click();
  await says(own, "Your code has not answered for 5 seconds.");
  await button(own, "Close").click();
  assert.ok(!(await own.locator(".explore").isVisible()));
  assert.ok(await own.getByRole("button", { name: "Explore", exact: true }).evaluate((element) => element === document.activeElement));
  course.write(HANDLER, whole);
  assert.deepEqual(page.thrown, []);
});

test("code that does not compile shows the compiler's words, and is built again when it is changed", async (t) => {
  const file = "exercises/1-cap/src/quorum.rs";
  const whole = course.read(file);
  course.write(file, `${whole}\nfn broken() -> usize { "three" }\n`);
  const page = await open(t, ABD);
  const own = await explore(page, "abd");
  assert.match(await own.locator(".explore .task-diagnostic").first().textContent(), /quorum\.rs:\d+.*mismatched types/s);
  assert.match(await own.locator(".explore-says").textContent(), /^Your code does not compile yet/);
  course.write(file, whole);
  await button(own, "Take up my changes").click();
  await arrive(own, 0);
  assert.equal(await own.locator(".task-diagnostic").count(), 0);
  assert.deepEqual(page.thrown, []);
});
