// Questions: answered from the page, remembered by the browser and by the reader's record, and readable where nothing but files is served.

import assert from "node:assert/strict";
import { test } from "node:test";

import { files } from "./files.mjs";
import { browser, course, server } from "./here.mjs";

const PAGE = "1-cap/raft-election.html";

const question = (page, id) => page.locator(`.quiz .question[data-id="${id}"]`).first();
const first = (page, type) => page.locator(`.quiz .question[data-type="${type}"]`).first();
const verdict = (question) => question.locator(".quiz-verdict").textContent();

test("a wrong choice is told why, and the right one is explained", async () => {
  const page = await browser.open(`${server.address}/${PAGE}`);
  const asked = first(page, "one");
  await asked.locator("li:not([data-right]) input").first().check();
  await asked.getByRole("button", { name: "Answer", exact: true }).click();
  assert.equal(await verdict(asked), "Not quite.");
  assert.notEqual((await asked.locator(".quiz-says .why").textContent()).trim(), "");
  assert.equal(await asked.locator(".explanation").isVisible(), false);
  await asked.locator("li[data-right] input").check();
  await asked.getByRole("button", { name: "Answer", exact: true }).click();
  assert.equal(await verdict(asked), "Right.");
  assert.equal(await asked.locator(".context").isVisible(), true);
  assert.deepEqual(page.thrown, []);
});

test("numbers, several choices and steps in order are judged", async () => {
  const page = await browser.open(`${server.address}/${PAGE}`);
  const number = first(page, "number");
  const right = await number.getAttribute("data-right");
  await number.getByRole("textbox").fill("one hundred");
  await number.getByRole("button", { name: "Answer", exact: true }).click();
  assert.equal(await number.locator(".quiz-verdict").textContent(), "");
  await number.getByRole("textbox").fill(right);
  await page.keyboard.press("Enter");
  assert.equal(await verdict(number), "Right.");

  const several = first(page, "several");
  for (const box of await several.locator("li[data-right] input").all()) await box.check();
  await several.getByRole("button", { name: "Answer", exact: true }).click();
  assert.equal(await verdict(several), "Right.");

  const order = first(page, "order");
  const count = await order.locator(".choices > li").count();
  for (let place = 1; place <= count; place += 1) {
    const step = order.locator(`.choices > li[data-place="${place}"]`);
    while ((await step.evaluate((item) => [...item.parentNode.children].indexOf(item))) >= place) {
      await step.getByRole("button", { name: /^Move up/ }).click();
    }
  }
  await order.getByRole("button", { name: "Answer", exact: true }).click();
  assert.equal(await verdict(order), "Right.");
});

test("the first answer to a question is kept, in the browser and in the record", async () => {
  const page = await browser.open(`${server.address}/1-cap/raft.html`);
  const asked = first(page, "one");
  const id = await asked.getAttribute("data-id");
  await asked.locator("li:not([data-right]) input").first().check();
  await asked.getByRole("button", { name: "Answer", exact: true }).click();
  await asked.locator("li[data-right] input").check();
  await asked.getByRole("button", { name: "Answer", exact: true }).click();
  await page.reload();
  assert.equal(await question(page, id).getAttribute("data-known"), "wrong");
  const record = course.read(".course/progress.toml");
  assert.match(record, new RegExp(`^${id} = false$`, "m"));
  const other = await browser.open(`${server.address}/1-cap/raft.html`);
  await other.locator(`.question[data-id="${id}"][data-known="wrong"]`).waitFor();
});

test("from a plain file server, questions answer, runs can be stepped through, and cards name the command", async () => {
  const page = await browser.open(`${files.address}/${PAGE}`);
  const asked = first(page, "one");
  await asked.locator("li[data-right] input").check();
  await asked.getByRole("button", { name: "Answer", exact: true }).click();
  assert.equal(await verdict(asked), "Right.");
  assert.equal(await page.locator(".task-card .task-command").first().isVisible(), true);
  assert.equal(await page.locator(".task-card .task-button").count(), 0);
  await page.goto(`${files.address}/1-cap/raft-counterexample.html`);
  const run = page.locator("space-time").first();
  await run.locator("button").first().waitFor();
  await run.evaluate((element) => element.show(element.trace.steps.length));
  assert.match(await run.textContent(), /one leader|election safety/i);
  assert.deepEqual(page.thrown, []);
});

test("without scripts, every question still has its answer to open, and every run its picture", async () => {
  const page = await browser.open(`${files.address}/${PAGE}`, { javaScriptEnabled: false });
  await page.locator(".quiz .explanation > summary").first().click();
  assert.equal(await page.locator(".quiz .context").first().isVisible(), true);
  await page.goto(`${files.address}/1-cap/raft-counterexample.html`);
  assert.equal(await page.locator("space-time svg").first().isVisible(), true);
});
