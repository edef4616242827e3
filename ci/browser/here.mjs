// What every file of these tests begins with: a fresh copy of the course, served, and a browser. Each file runs in a process of its own.

import { after } from "node:test";

import { Course, browse } from "./course.mjs";

export const course = new Course();
export const server = await course.serve();
export const browser = await browse();

after(async () => {
  await browser.close();
  await server.stop();
});
