// A copy of the course in which learner code may be changed, the server that serves it, and a browser that looks at it.

import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const COMMAND = join(TARGET, "debug/course");

/** What is built for the copy is kept apart, and from run to run. Dependencies are built where those of other copies are. */
const ENVIRONMENT = {
  ...process.env,
  CARGO_TARGET_DIR: join(TARGET, "course/browser/target"),
  CARGO_BUILD_BUILD_DIR: join(TARGET, "tmp/fixture-build"),
  NO_COLOR: "1",
};

/** Far more than anything takes. It ends a test that hangs, and decides nothing. */
export const PATIENCE = 600_000;

/**
 * A copy of the course's files, without the reader's record. It lies in the target directory and stays there from run to run. Files are
 * written only where they differ, because cargo goes by their times: a file that is put back with its old time would not be built again.
 */
export class Course {
  constructor() {
    this.root = join(TARGET, "course/browser/copy");
    const files = below(ROOT, LEFT_OUT);
    const wanted = new Set(files);
    for (const stray of below(this.root).filter((file) => !wanted.has(file))) rmSync(this.path(stray));
    files.forEach((file) => update(this.path(file), readFileSync(join(ROOT, file))));
  }

  path(...parts) {
    return join(this.root, ...parts);
  }

  read(file) {
    return readFileSync(this.path(file), "utf8");
  }

  write(file, text) {
    writeFileSync(this.path(file), text);
  }

  /** The stages that are there, by their folders. */
  stages() {
    return readdirSync(this.path("exercises")).filter((folder) => existsSync(this.path("exercises", folder, "Cargo.toml")));
  }

  /** Puts the reference in the place of the reader's own code. */
  solve(stage) {
    cpSync(this.path("solutions", stage, "src"), this.path("exercises", stage, "src"), { recursive: true });
  }

  /** Puts a known bug in the place of the reader's own code. */
  plant(stage, bug) {
    this.solve(stage);
    const patch = this.path("solutions", stage, "bugs", `${bug}.patch`);
    execFileSync("patch", ["--strip=1", "--silent", `--input=${patch}`], { cwd: this.path("exercises", stage) });
  }

  /** Runs a command of the course to its end. */
  run(...words) {
    return execFileSync(COMMAND, words, { cwd: this.root, env: ENVIRONMENT, encoding: "utf8" });
  }

  /** Serves the book; the address that makes a browser the reader's is in what the server says first. */
  async serve() {
    const server = spawn(COMMAND, ["serve", "--port", "0"], { cwd: this.root, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
    process.once("exit", () => server.kill()); // should a test file fail before its end
    const lines = createInterface({ input: server.stdout });
    const [entrance, address, port, key] = await new Promise((found, failed) => {
      lines.on("line", (line) => {
        const match = line.match(/(http:\/\/127\.0\.0\.1:(\d+))\/open\/(\w+)/);
        if (match) found(match);
      });
      server.on("exit", (code) => failed(new Error(`the server ended with ${code}`)));
    });
    cookies.push({ name: `course-${port}`, value: key, url: address, httpOnly: true, sameSite: "Strict" });
    return { entrance, address, stop: () => stop(server) };
  }
}

function stop(server) {
  const gone = new Promise((gone) => server.on("exit", gone));
  server.kill("SIGTERM");
  return gone;
}

/** What makes a browser that of a server's reader, for every server so far. */
const cookies = [];

/**
 * The reader's browser; with the option `isStranger`, a page of it is somebody else's. Its pages note what their scripts throw, and what
 * their policy for scripts has kept from running.
 */
export async function browse() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  const open = async (address, options = {}) => {
    const { isStranger, ...settings } = options;
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...settings });
    if (!isStranger && cookies.length > 0) await context.addCookies(cookies);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.thrown = [];
    page.on("pageerror", (error) => page.thrown.push(error.message));
    page.on("console", (message) => /Content Security Policy/.test(message.text()) && page.thrown.push(message.text()));
    await page.goto(address);
    return page;
  };
  const closePages = () => Promise.all(browser.contexts().map((context) => context.close()));
  return { open, closePages, close: () => browser.close() };
}

/** What is built, installed, or the reader's own record: no part of the course. */
const LEFT_OUT = new Set([".git", ".course", "target", "node_modules"]);

/** Every file below a folder, relative to it, but for folders that are left out. */
function below(root, leftOut = new Set(), folder = "") {
  if (!existsSync(root)) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return leftOut.has(entry.name) ? [] : below(root, leftOut, path);
    return [path];
  });
}

function update(file, text) {
  if (existsSync(file) && readFileSync(file).equals(text)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Serves a folder as a plain web host would. */
export async function serveFiles(folder) {
  const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml", json: "application/json" };
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://host").pathname.replace(/\/$/, "/index.html");
    const file = join(folder, path);
    if (!file.startsWith(folder) || !existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[file.split(".").pop()] ?? "application/octet-stream" }).end(readFileSync(file));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Builds the book as files. */
export function buildSite(course) {
  const folder = join(TARGET, "course/browser/site");
  course.run("dev", "site", folder);
  return folder;
}
