// What is told of traces: `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { changes, continues, fieldsOf, moment, problemOf, tell } from "../../book/src/widgets/space-time-model.js";

/** A trace by hand. Servers start in `state`; a step is [kind, from, who, message, after, …effects]. */
function traceOf({ clients, servers, state, steps }) {
  const client = (_, index) => ({ name: `c${index}`, kind: "client", state: "" });
  const server = (_, index) => ({ name: `n${index}`, kind: "server", state });
  const participants = [...Array.from({ length: clients }, client), ...Array.from({ length: servers }, server)];
  const trace = {
    version: 1,
    scope: "by hand",
    producer: "schedule",
    seed: null,
    staged: 0,
    participants,
    violation: null,
  };
  const place = (name) => participants.findIndex((participant) => participant.name === name);
  const now = participants.map((participant) => participant.state);
  trace.steps = steps.map(([kind, from, who, message, after, ...effects]) => {
    const before = now[place(who)];
    now[place(who)] = after ?? before;
    const label = kind === "cut" && message ? message : `${who} ${kind} ${message}`;
    return {
      label,
      kind,
      who: place(who),
      from: from ? place(from) : null,
      message,
      effects,
      before,
      after: now[place(who)],
    };
  });
  return trace;
}

const lww = (clock, value) => `Lww { clock: ${clock}, value: '${value}' }`;
const update = (clock, value) => `Update { clock: ${clock}, value: '${value}' }`;

/** A partition with a write on each side; a message is lost, another comes twice. */
const split = traceOf({
  clients: 2,
  servers: 3,
  state: lww(0, "-"),
  steps: [
    ["cut", null, "n0", "the network splits: n0 n2 | n1"],
    [
      "invoke",
      "c0",
      "n0",
      "Write('A')",
      lww(1, "A"),
      `sends ${update(1, "A")} to n1`,
      `sends ${update(1, "A")} to n2`,
      "replies Written to c0",
    ],
    [
      "invoke",
      "c1",
      "n1",
      "Write('B')",
      lww(1, "B"),
      `sends ${update(1, "B")} to n0, n2`,
      "replies Written to c1#0, but the reply is lost",
    ],
    ["drop", "n0", "n1", update(1, "A")],
    ["heal", null, "n0", null],
    ["cut", "n2", "n0", null],
    ["duplicate", "n1", "n2", update(1, "B"), lww(2, "B")],
    ["deliver", "n1", "n2", update(1, "B")],
  ],
});

/** A server crashes and restarts. */
const crash = traceOf({
  clients: 1,
  servers: 2,
  state: "Log { term: 1, entries: [] }",
  steps: [
    [
      "timeout",
      null,
      "n0",
      "Election",
      "Log { term: 2, entries: [] }",
      "sends Vote to n1",
      "arms Election",
      "sends Vote to n1",
    ],
    ["crash", null, "n0", null, ""],
    ["restart", null, "n0", null, "Log { term: 2, entries: [] }"],
    ["deliver", "n0", "n1", "Vote", "Log { term: 2, entries: [] }"],
  ],
});

const linesOf = (story, number) => story.events[number - 1].lines.map(({ text }) => text);

test("the parts of a state that changed are told", () => {
  const told = (before, after) => changes(before, after).map((c) => `${c.field}: ${c.before} -> ${c.after}`);
  for (const [before, after, ...expected] of [
    ["R { a: 1 }", "R { a: 1 }"],
    ["R { a: 1, b: 2 }", "R { a: 1, b: 3 }", "b: 2 -> 3"],
    ['R { a: "x, y: {" }', 'R { a: "x } \\" " }', 'a: "x, y: {" -> "x } \\" "'],
    ["R { a: ',', b: 1 }", "R { a: '}', b: 2 }", "a: ',' -> '}'", "b: 1 -> 2"],
    ["R { a: '\\'', b: 1 }", "R { a: '\\u{7f}', b: 1 }", "a: '\\'' -> '\\u{7f}'"],
    ["R { tag: Tag { n: 0, by: n0 }, v: 'A' }", "R { tag: Tag { n: 1, by: n0 }, v: 'A' }", "tag.n: 0 -> 1"],
    ["R { tag: (0, n0) }", "R { tag: (1, n2) }", "tag: (0, n0) -> (1, n2)"],
    ["R { role: Follower }", "R { role: Leader { acks: {} } }", "role: Follower -> Leader { acks: {} }"],
    ["R { acks: {} }", "R { acks: {n0} }", "acks:  -> n0"],
    ["R { acks: {n0} }", "R { acks: {n0, n2} }", "acks:  -> n2"],
    ["R { acks: {n0, n1, n2} }", "R { acks: {} }", "acks: {n0, n1, n2} -> {}"],
    ["R { m: {n0: 3, n1: 4} }", "R { m: {n0: 3, n1: 5, n2: 1} }", "m[n1]: 4 -> 5", "m[n2]:  -> 1"],
    ["R { log: [Put { key: 1 }] }", "R { log: [Put { key: 1 }, Put { key: 2 }] }", "log[1]:  -> Put { key: 2 }"],
    ["R { log: [a, b] }", "R { log: [c] }", "log: [a, b] -> [c]"],
    ["R { at: Some(P { q: 1, w: 22222222 }) }", "R { at: Some(P { q: 2, w: 22222222 }) }", "at.q: 1 -> 2"],
    ["N(1, 2)", "N(1, 3)", "1: 2 -> 3"],
    ["A { a: 1 }", "B { a: 1 }", ": A { a: 1 } -> B { a: 1 }"],
    ["m::R { x: a::B }", "m::R { x: a::C }", "x: a::B -> a::C"],
    ["", "R { a: 1 }", ":  -> R { a: 1 }"],
  ]) {
    assert.deepEqual(told(before, after), expected, `${before} -> ${after}`);
  }
});

test("odd text is shown whole, and none makes it throw", () => {
  for (const odd of [
    "R { a: 1",
    "R { a: ] }",
    "{ a: 1, b }",
    "{a: 1, a: 2}",
    '"',
    "'",
    "it's { a: 1 }",
    "é{'",
    "((",
    "}{",
    "{",
  ]) {
    assert.deepEqual(changes(odd, "R { a: 2 }"), [{ field: "", before: odd, after: "R { a: 2 }" }]);
    assert.deepEqual(fieldsOf(odd), [{ name: "", value: odd }]);
  }
  const pieces = ["R", " { ", "a: ", "1", ", ", " }", "(", ")", "[", "]", '"', "'", "\\", "é", "::", ":", "語", "n0"];
  let random = 1;
  const piece = () => pieces[(random = (random * 48271) % 2147483647) % pieces.length];
  const text = () => Array.from({ length: 12 }, piece).join("");
  for (let round = 0; round < 5000; round++) {
    const [before, after] = [text(), text()];
    assert.equal(changes(before, after).length === 0, before.trim() === after.trim(), `${before} -> ${after}`);
    fieldsOf(before);
  }
});

test("a step is told by its label, what it changed and its effects", () => {
  const story = tell(split);
  assert.equal(story.facts, "8 steps, a schedule written by hand");
  assert.deepEqual(story.beginnings, ["n0, n1, n2 start as Lww { clock: 0, value: '-' }"]);
  assert.deepEqual(linesOf(story, 2), [
    "n0 invoke Write('A')",
    "clock: 0 → 1 · value: '-' → 'A'",
    "sends Update { clock: 1, value: 'A' } to n1, n2",
    "replies Written to c0",
  ]);
  const reply = (number) => story.events[number - 1].lines.at(-1).reply;
  assert.deepEqual(reply(2), { type: "arrow", from: 2, to: 0, answer: "Written", lost: false });
  assert.deepEqual(reply(3), { type: "arrow", from: 3, to: 1, answer: "Written", lost: true });
  assert.deepEqual(linesOf(tell(crash), 1).slice(2), ["sends Vote to n1", "arms Election", "sends Vote to n1"]);
});

test("a partition is read from its label, and its sides show on the lifelines until it heals", () => {
  const { events } = tell(split);
  assert.deepEqual(events[0].scene.sides, [
    { who: 2, side: 0 },
    { who: 3, side: 1 },
    { who: 4, side: 0 },
  ]);
  assert.deepEqual(events[3].scene, { type: "arrow", from: 2, to: 3, lost: true });
  assert.deepEqual(events[5].scene, { type: "link", ends: [2, 4], works: false });
  assert.deepEqual(
    events.map(({ after }) => after[3].side),
    [1, 1, 1, 1, 0, 0, 0, 0],
  );
});

test("a message is on its way until it arrives or is lost, and a duplicated one stays", () => {
  const story = tell(split);
  const inFlight = (number) =>
    moment(story, number).flatMap((to, index) =>
      to.inFlight.map(({ from, text }) => `${from} ${index} ${text.slice(-5, -2)}`),
    );
  assert.deepEqual(inFlight(1), []);
  assert.deepEqual(inFlight(3), ["3 2 'B'", "2 3 'A'", "2 4 'A'", "3 4 'B'"]);
  assert.deepEqual(inFlight(4), ["3 2 'B'", "2 4 'A'", "3 4 'B'"]);
  assert.deepEqual(inFlight(7), ["3 2 'B'", "2 4 'A'", "3 4 'B'"]);
  assert.deepEqual(inFlight(8), ["3 2 'B'", "2 4 'A'"]);
});

test("equal messages are told once, with their number", () => {
  const to = (number) => moment(tell(crash), number)[2].inFlight;
  assert.deepEqual(to(1), [{ from: 1, text: "Vote", count: 2, isNew: true }]);
  assert.deepEqual(to(4), [{ from: 1, text: "Vote", count: 1, isNew: false }]);
});

test("a moment has the fields of each state, and marks those that the step changed", () => {
  const story = tell(crash);
  const [, server] = moment(story, 1);
  assert.deepEqual(server.fields, [
    { name: "term", value: "2", changed: true },
    { name: "entries", value: "[]", changed: false },
  ]);
  const down = moment(story, 2)[1];
  assert.deepEqual([down.isUp, down.fields], [false, []]);
  assert.deepEqual(
    moment(story, 3)[1].fields.map(({ changed }) => changed),
    [true, true],
    "all of it is new after a restart",
  );
  assert.deepEqual(
    moment(story, 4)[1].fields.map(({ changed }) => changed),
    [false, false],
  );
});

test("a client's card tells what it asked and was told", () => {
  const fields = (number, client) =>
    moment(tell(split), number)[client].fields.map(({ name, value }) => `${name} ${value}`.trim());
  assert.deepEqual(fields(1, 0), ["has asked nothing yet"]);
  assert.deepEqual(fields(2, 0), ["asked n0 Write('A')", "was told Written"]);
  assert.deepEqual(fields(3, 1), ["asked n1 Write('B')"], "its answer is lost");
});

test("clients come first, and in a crowd only those to whom something happens", () => {
  const wide = traceOf({
    clients: 0,
    servers: 7,
    state: "R",
    steps: [["deliver", "n5", "n2", "X", "R", "replies Y to n6"]],
  });
  const story = tell({ ...wide, participants: wide.participants.with(6, { name: "c0", kind: "client", state: "" }) });
  assert.deepEqual(
    story.participants.map(({ name }) => name),
    ["n2", "n5"],
  );
  assert.deepEqual(story.leftOut, ["n0", "n1", "n3", "n4", "c0"]);
  assert.deepEqual(story.events[0].scene, { type: "arrow", from: 1, to: 0, lost: false });
  const mixed = tell({ ...split, participants: split.participants.toReversed() });
  assert.deepEqual(
    mixed.participants.map(({ name }) => name),
    ["c1", "c0", "n2", "n1", "n0"],
  );
});

test("states that differ by their own name are told once", () => {
  const participants = split.participants.map((one) => ({
    ...one,
    state: one.state && `Abd { me: ${one.name} of 3, held: 0@0.n0 }`,
  }));
  assert.deepEqual(tell({ ...split, participants }).beginnings, [
    "n0, n1, n2 start like n0: Abd { me: n0 of 3, held: 0@0.n0 }",
  ]);
});

test("a longer trace continues a story, another one does not", () => {
  const start = tell({ ...split, steps: split.steps.slice(0, 3) });
  assert.ok(continues(tell(split), start));
  assert.ok(!continues(start, tell(split)));
  assert.ok(!continues(tell(crash), start));
});

test("what cannot be shown is refused with a sentence", () => {
  assert.equal(problemOf(split), "");
  for (const [broken, says] of [
    [null, /not a trace/],
    ["text", /not a trace/],
    [{}, /version 1/],
    [{ ...split, version: 2 }, /version 1/],
    [{ ...split, participants: [] }, /no participants/],
    [{ ...split, participants: [null] }, /without a name/],
    [{ ...split, steps: null }, /no list of steps/],
    [{ ...split, steps: [split.steps[0], { label: "x", who: 9 }] }, /step 2/],
    [{ ...split, steps: [null] }, /step 1/],
  ]) {
    assert.match(problemOf(broken), says);
  }
});

test("what may be missing may be of any type", () => {
  const participants = [{ name: "n0", kind: 3, state: {} }];
  const steps = [{ label: "odd", who: 0, kind: ["cut"], from: null, message: 1, effects: "x", before: 1, after: null }];
  const story = tell({
    version: 1,
    scope: 1,
    staged: -4,
    seed: {},
    producer: {},
    participants,
    steps,
    violation: "none",
  });
  assert.equal(story.facts, "1 step");
  assert.deepEqual(story.events[0].scene, { type: "mark", who: 0, mark: "other" });
  assert.deepEqual(moment(story, 1), [{ isUp: true, fields: [], inFlight: [] }]);
});
