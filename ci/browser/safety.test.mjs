// Who may do what: only the course's own pages, opened from this machine.

import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";

import { files as foreign } from "./files.mjs";
import { browser, server } from "./here.mjs";

/** The status of a request with these headers, as a program other than a browser can send it. */
function status(path, headers = {}, method = "GET", body = "") {
  const { port } = new URL(server.address);
  return new Promise((answered, failed) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers }, (answer) => (answer.resume(), answered(answer.statusCode)));
    asked.on("error", failed);
    asked.end(body);
  });
}

/** The jobs that the server tells a page of its own. They come between the first state and the change that an answer makes. */
async function jobs() {
  const page = await browser.open(`${server.address}/`);
  return page.evaluate(async () => {
    const token = document.querySelector('meta[name="course-token"]').content;
    const answer = { quiz: "safety", question: `asked-at-${Date.now()}`, right: true };
    const headers = { "content-type": "application/json", "course-token": token };
    const told = [];
    const socket = new WebSocket(`ws://${location.host}/api/events?token=${token}`);
    await new Promise((done) => {
      socket.onmessage = ({ data }) => {
        told.push(JSON.parse(data));
        const states = told.filter((news) => news.state).length;
        if (states === 1 && told.length === 1) fetch("/api/answer", { method: "POST", headers, body: JSON.stringify(answer) });
        if (states === 2) done();
      };
    });
    return told.filter((news) => news.job);
  });
}

test("a page of another site can neither start a check nor read a page, a frame or a file", async () => {
  // Another port of this machine is another origin; that it is a loopback name too makes it the hardest case.
  const before = await jobs();
  const page = await browser.open(`${foreign.address}/`);
  const tried = await page.evaluate(async (address) => {
    const outcome = async (url, options) => fetch(url, options).then((answer) => `answered ${answer.status}`, () => "refused");
    return {
      page: await outcome(`${address}/1-cap/abd.html`),
      opaque: await fetch(`${address}/1-cap/abd.html`, { mode: "no-cors" }).then((answer) => `read ${answer.status}`, () => "refused"),
      check: await outcome(`${address}/api/check`, { method: "POST", body: '{"task":"abd"}', headers: { "content-type": "application/json" } }),
      simple: await fetch(`${address}/api/check`, { method: "POST", mode: "no-cors", body: '{"task":"abd"}' }).then(() => "sent", () => "refused"),
    };
  }, server.address);
  assert.equal(tried.page, "refused");
  assert.equal(tried.opaque, "refused");
  assert.equal(tried.check, "refused");
  assert.deepEqual(await jobs(), before, "nothing was begun");
  const framed = await page.evaluate(async (address) => {
    const frame = document.createElement("iframe");
    frame.src = `${address}/1-cap/abd.html`;
    document.documentElement.append(frame);
    await new Promise((loaded) => frame.addEventListener("load", loaded));
    return frame.contentDocument === null;
  }, server.address);
  assert.ok(framed, "a frame of another origin cannot be looked into");
});

test("names of other sites, other origins and a missing or wrong token are refused", async () => {
  const post = (headers) => status("/api/check", { "content-type": "application/json", ...headers }, "POST", '{"task":"abd"}');
  assert.equal(await status("/", { host: "example.com" }), 403);
  assert.equal(await status("/", { origin: "https://example.com" }), 403);
  assert.equal(await post({}), 401);
  assert.equal(await post({ "course-token": "0".repeat(64) }), 401);
  assert.equal(await status("/api/events"), 401);
  assert.equal(await status("/api/trace/1-cap/x.json"), 401);
});

test("the printed address makes a browser the reader's; any other may read and do nothing else", async () => {
  const stranger = await browser.open(`${server.address}/1-cap/abd.html`, { isStranger: true });
  await stranger.locator(".task-live", { hasText: "open the book at the address that cargo course serve printed" }).waitFor();
  assert.equal(await stranger.locator(".task-button").count(), 0);
  assert.equal(await stranger.locator('meta[name="course-token"]').getAttribute("content"), "");

  const reader = await browser.open(`${server.entrance}/1-cap/abd.html`, { isStranger: true });
  assert.equal(reader.url(), `${server.address}/1-cap/abd.html`, "the key is not in the address that is shown");
  await reader.locator(".task-button", { hasText: "Check" }).waitFor();
  assert.equal(await reader.evaluate(() => document.cookie), "", "no script sees the cookie");
  await reader.reload();
  await reader.locator(".task-button", { hasText: "Check" }).waitFor();
  assert.deepEqual([...stranger.thrown, ...reader.thrown], []);
});

test("a script that gets into a page does not run, and neither does a link with one", async () => {
  const page = await browser.open(`${server.address}/1-cap/abd.html`);
  const blocked = await page.evaluate(async () => {
    const told = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => told.push(effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.hit = true";
    const main = document.querySelector("main");
    main.append(script);
    main.insertAdjacentHTML("beforeend", `<img src="none.png" onerror="window.hit = true"><a id="evil" href="javascript:void(window.hit = true)">x</a>`);
    document.getElementById("evil").click();
    await import("data:text/javascript,window.hit = true").catch(() => {});
    await new Promise((seen) => setTimeout(seen, 100)); // what would have run has run
    return { told, hit: window.hit };
  });
  assert.equal(blocked.hit, undefined);
  assert.ok(blocked.told.length >= 3, blocked.told.join());
});

test("with the token, no path leads out of the traces' folder, and what does not exist is refused in a sentence", async () => {
  const page = await browser.open(`${server.address}/`);
  const token = await page.locator('meta[name="course-token"]').getAttribute("content");
  const [{ name, value }] = await page.context().cookies();
  const headers = { "course-token": token, "content-type": "application/json" };
  assert.equal(await status("/api/trace/1-cap/none.json", headers), 401, "the token alone is not enough");
  const whole = { ...headers, cookie: `${name}=${value}` };
  for (const path of ["..%2f..%2f..%2fCargo.toml", "..%2fshown", "%2e%2e%2fx.json", ".x.json", "none.json"]) {
    assert.equal(await status(`/api/trace/1-cap/${path}`, whole), 404, path);
  }
  assert.equal(await status("/api/trace/..%2f1-cap/none.json", whole), 404);
  const answer = await page.evaluate(
    async (headers) => (await fetch("/api/check", { method: "POST", headers, body: '{"task":"abc"}' })).json(),
    headers,
  );
  assert.match(answer.error, /No task is called `abc`; did you mean `abd`\?/);
});
