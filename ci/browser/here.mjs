// What the tests stand on: a fresh copy of the course, served, and a browser. All files share them, so that the book is built and the browser
// started once; a file that is run alone has its own.

import { after, afterEach } from "node:test";

import { Course, browse } from "./course.mjs";

export const course = new Course();
export const server = await course.serve();
export const browser = await browse();

afterEach(() => browser.closePages());

after(async () => {
  await browser.close();
  await server.stop();
});
