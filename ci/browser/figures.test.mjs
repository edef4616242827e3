// Every figure of the book: each can be read on a phone, in light and in dark, and by ear.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { browser, course, server } from "./here.mjs";

/** How small a letter of a figure may be on a phone, in pixels. */
const SMALLEST = 10;

/** How far the boxes of two lines may overlap, in units of a figure: letters do not fill theirs. */
const ROOM = 2.5;

const figures = readdirSync(course.path("book/src"), { recursive: true })
  .filter((file) => /figures\/[^/]+\.svg$/.test(file))
  .map((file) => ({ file, svg: course.read(`book/src/${file}`) }));

/** Where a figure may stand: in the page itself, or below a heading that is folded. */
const PLACES = {
  "in the page": (figure) => figure,
  "in a fold": (figure) => `<details class="misconception" open><summary>A title</summary>${figure}</details>`,
};

/** Opens a page of the book, and looks at each figure in the place of its text. */
async function lookAtEach(options, look, place = PLACES["in the page"]) {
  const page = await browser.open(`${server.address}/built/style.html`, options);
  const seen = [];
  for (const { file, svg } of figures) {
    await page.evaluate((html) => (document.querySelector("main").innerHTML = html), place(`<figure>${svg}</figure>`));
    seen.push({ file, found: await page.evaluate(look, ROOM) });
  }
  return seen;
}

const flat = (seen) => seen.flatMap(({ file, found }) => found.map((problem) => `${file}: ${problem}`));

test("each figure goes by the book's own colours and sizes", () => {
  assert.ok(figures.length > 0);
  const others = figures.filter(({ svg }) => !/^<svg[^>]* class="figure"/.test(svg));
  assert.deepEqual(others.map(({ file }) => file), []);
});

for (const [where, place] of Object.entries(PLACES)) {
  test(`on a phone each letter of a figure ${where} is large enough, and nothing is cut off`, async () => {
    const look = () => {
      const [seen, figure] = [".content", "svg.figure"].map((drawn) => document.querySelector(drawn).getBoundingClientRect());
      const isSeen = figure.left >= seen.left && figure.right <= seen.right;
      return [...document.querySelectorAll("svg.figure text")].map((text) => {
        const size = parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a;
        return { text: text.textContent, size, isSeen };
      });
    };
    for (const { file, found } of await lookAtEach({ viewport: { width: 360, height: 740 } }, look, place)) {
      assert.ok(found.length > 0, `${file} has no text`);
      assert.deepEqual(found.filter(({ size, isSeen }) => size < SMALLEST || !isSeen), [], file);
    }
  });
}

test("no text of a figure leaves it, or lies on another", async () => {
  const seen = await lookAtEach({}, (room) => {
    const { width, height } = document.querySelector("svg.figure").viewBox.baseVal;
    const texts = [...document.querySelectorAll("svg.figure text")].map((text) => {
      const { x, y, width, height } = text.getBBox();
      return { says: text.textContent, left: x, right: x + width, top: y, bottom: y + height };
    });
    const leaves = ({ left, right, top, bottom }) => left < 0 || top < 0 || right > width || bottom > height;
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + room < b.bottom && b.top + room < a.bottom;
    const onAnother = texts.flatMap((a, at) => texts.slice(at + 1).filter((b) => meet(a, b)).map((b) => `${a.says} | ${b.says}`));
    return [...texts.filter(leaves).map(({ says }) => says), ...onAnother];
  });
  assert.deepEqual(flat(seen), []);
});

test("each colour of a figure is one of the theme's", async () => {
  const paints = () =>
    [...document.querySelectorAll("svg.figure :is(text, path, rect, circle, ellipse)")].flatMap((drawn) =>
      ["fill", "stroke"].map((paint) => ({ drawn: drawn.outerHTML, paint, colour: getComputedStyle(drawn)[paint] })),
    );
  const [light, dark] = [await lookAtEach({ colorScheme: "light" }, paints), await lookAtEach({ colorScheme: "dark" }, paints)];
  light.forEach(({ file, found }, at) => {
    const kept = found.filter(({ colour }, paint) => colour !== "none" && colour === dark[at].found[paint].colour);
    assert.deepEqual(kept, [], `${file} has colours that are the same in light and in dark`);
  });
});

test("each figure has a name and a description", async () => {
  const seen = await lookAtEach({}, () => {
    const figure = document.querySelector("svg.figure");
    const says = { name: figure.getAttribute("aria-label"), description: figure.querySelector("desc")?.textContent };
    const lacks = Object.keys(says).filter((what) => !says[what]?.trim());
    return figure.getAttribute("role") === "img" ? lacks : [...lacks, "role"];
  });
  assert.deepEqual(flat(seen), []);
});
