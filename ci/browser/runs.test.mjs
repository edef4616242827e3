// A run that somebody hands on as a file: dropped onto a page it is shown, and whatever else is dropped is refused and does nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, course, server } from "./here.mjs";

const RUN = "book/src/1-cap/traces/abd-read-without-write-back.json";

/** Drops a file with this text onto the page, as a reader does from a folder. */
async function drop(page, name, text) {
  await page.evaluate(
    ([name, text]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], name, { type: "application/json" }));
      const target = document.querySelector("main");
      const dragged = new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true });
      target.dispatchEvent(dragged);
      if (!dragged.defaultPrevented) throw new Error("the page takes no files");
      target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    },
    [name, text],
  );
}

test("a run that is dropped onto any page is shown, and can be stepped through and closed", async () => {
  const page = await browser.open(`${server.address}/introduction.html`);
  const text = course.read(RUN);
  await drop(page, "run.json", text);
  const run = page.locator(".run-dialog space-time");
  await run.waitFor();
  const { steps } = JSON.parse(text);
  assert.equal(await run.evaluate((element) => element.trace.steps.length), steps.length);
  await run.locator(".st-diagram").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  assert.equal(await run.evaluate((element) => element.step), 1);
  assert.match(page.url(), /introduction/, "the keys do not turn the page");
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(await page.locator(".run-dialog").count(), 0);
  assert.deepEqual(page.thrown, []);
});

test("what a foreign run says is text, wherever it is shown, and never runs", async () => {
  const page = await browser.open(`${server.address}/introduction.html`);
  const evil = `</script><img src=x onerror="window.hit = true"><script>window.hit = true</script><a href="javascript:hit()">`;
  const plant = (value) => {
    if (typeof value === "string") return value + evil;
    if (Array.isArray(value)) return value.map(plant);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, key === "kind" || key === "producer" ? held : plant(held)]));
  };
  await drop(page, `${evil}.json`, JSON.stringify(plant(JSON.parse(course.read(RUN)))));
  const dialog = page.locator(".run-dialog");
  await dialog.locator("space-time .st-violation").or(dialog.locator("space-time .st-diagram")).first().waitFor();
  await dialog.locator("space-time").evaluate((element) => element.show(element.trace.steps.length));
  await dialog.locator(".st-list > summary").click();
  assert.match(await dialog.textContent(), /onerror=/);
  assert.equal(await dialog.locator("img, script, a").count(), 0);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.deepEqual(page.thrown, []);
});

test("what is no run, or too large, is refused in a sentence", async () => {
  const page = await browser.open(`${server.address}/introduction.html`);
  const run = JSON.parse(course.read(RUN));
  const many = (thing, count) => Array.from({ length: count }, () => thing);
  const cases = [
    ["notes.txt", "hello", /notes\.txt is not a run: its text is not JSON\./],
    ["null.json", "null", /It is not a trace\./],
    ["newer.json", JSON.stringify({ ...run, version: 2 }), /It is no trace of version 1\./],
    ["nobody.json", JSON.stringify({ ...run, steps: [{ label: "n9 crashes", who: 99 }] }), /Its step 1 has no label, or names a participant/],
    ["crowd.json", JSON.stringify({ ...run, participants: many(run.participants[0], 65) }), /more than 64 participants/],
    ["long.json", JSON.stringify({ ...run, steps: many({ label: "n0 crashes", who: 0 }, 10_001) }), /more than 10000 steps/],
    ["huge.json", "x".repeat(16 * 1024 * 1024 + 1), /huge\.json is larger than 16 MiB/],
  ];
  for (const [name, text, says] of cases) {
    await drop(page, name, text);
    await page.locator(".run-dialog [role=alert]", { hasText: says }).waitFor();
    assert.equal(await page.locator(".run-dialog").count(), 1, "one at a time");
    assert.equal(await page.locator(".run-dialog space-time").count(), 0);
  }
  assert.deepEqual(page.thrown, []);
});
