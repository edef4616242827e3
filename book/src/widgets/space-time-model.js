// What a space-time diagram tells: a trace goes in, a story comes out. Nothing here knows of a page.
//
// A trace is the course's record of one run (format: ci/testkit/src/trace/mod.rs). Its states and messages are the text
// of Rust's `{:?}`, and what changed is found from that text, as ci/testkit/src/trace/diff.rs does it. The story names
// participants by their place in it, steps by their number from 1, and the moment before the first step 0.

const VERSION = 1;

/** With more participants than this, those to whom nothing happens are left out. */
const CROWD = 6;

/** Changes are told side by side up to this many characters. */
const SIDE_BY_SIDE = 44;

/** A value longer than this is told by its name alone once it is gone. */
const BRIEF = 32;

// ---- The trace -------------------------------------------------------------------------------------------------

/** Why `trace` cannot be shown, in a sentence; nothing if it can. */
export function problemOf(trace) {
  if (!isObject(trace)) return "It is not a trace.";
  if (trace.version !== VERSION) return `It is no trace of version ${VERSION}.`;
  if (!Array.isArray(trace.participants) || trace.participants.length === 0) return "It has no participants.";
  if (!Array.isArray(trace.steps)) return "It has no list of steps.";
  if (!trace.participants.every((participant) => isText(participant?.name)))
    return "It has a participant without a name.";
  const count = trace.participants.length;
  const wrong = trace.steps.findIndex((step) => !isStep(step, count));
  if (wrong >= 0) return `Its step ${wrong + 1} has no label, or names a participant that is not listed.`;
  return "";
}

function isStep(step, count) {
  const isListed = (index) => Number.isInteger(index) && index >= 0 && index < count;
  return isObject(step) && isText(step.label) && isListed(step.who) && (step.from == null || isListed(step.from));
}

const isObject = (value) => typeof value === "object" && value !== null;
const isText = (value) => typeof value === "string";
const text = (value) => (isText(value) ? value : "");

/** The trace with every field that may be missing filled in. */
function completed(trace) {
  return {
    scope: text(trace.scope),
    producer: text(trace.producer),
    seed: Number.isSafeInteger(trace.seed) ? trace.seed : null,
    staged: Number.isInteger(trace.staged) ? Math.max(0, Math.min(trace.staged, trace.steps.length)) : 0,
    participants: trace.participants.map(({ name, kind, state }) => ({ name, kind: text(kind), state: text(state) })),
    steps: trace.steps.map((step) => ({
      label: step.label,
      kind: text(step.kind),
      who: step.who,
      from: step.from ?? null,
      message: isText(step.message) ? step.message : null,
      effects: Array.isArray(step.effects) ? step.effects.filter(isText) : [],
      before: text(step.before),
      after: text(step.after),
    })),
    violation: isObject(trace.violation) ? violationOf(trace.violation) : null,
  };
}

function violationOf({ rule, says, explanation, source }) {
  return { rule: text(rule), says: text(says), explanation: text(explanation), source: text(source) };
}

/** The order of the columns: clients first, and in a crowd only those to whom something happens. */
function columnsOf(trace) {
  const indices = [...trace.participants.keys()];
  const busy = new Set();
  for (const step of trace.steps) {
    busy.add(step.who).add(step.from);
    for (const effect of step.effects) busy.add(replyOf(trace.participants, step.who, effect)?.to);
  }
  const shown = indices.filter((index) => busy.has(index));
  const kept = indices.length > CROWD && shown.length > 0 ? shown : indices;
  const isClient = (index) => trace.participants[index].kind === "client";
  const columns = [...kept.filter(isClient), ...kept.filter((index) => !isClient(index))];
  const leftOut = indices.filter((index) => !kept.includes(index)).map((index) => trace.participants[index].name);
  return { columns, leftOut };
}

/** The trace with its participants in the order of `columns`. */
function arranged(trace, columns) {
  const place = new Map(columns.map((index, column) => [index, column]));
  return {
    ...trace,
    participants: columns.map((index) => trace.participants[index]),
    steps: trace.steps.map((step) => ({ ...step, who: place.get(step.who), from: place.get(step.from) ?? null })),
  };
}

// ---- The story -------------------------------------------------------------------------------------------------

/**
 * Tells a trace that has no problem.
 *
 * @returns {{
 *   scope: string, facts: string, beginnings: string[], leftOut: string[], staged: number, violation: ?object,
 *   participants: {name: string, kind: string, state: string}[],
 *   events: {number: number, scene: object, lines: object[], before: object[], after: object[]}[],
 *   messages: {from: number, to: number, text: string, sent: number, gone: number}[],
 *   states: {since: number, text: string}[][],
 *   talks: {since: number, fields: {name: string, value: string}[]}[][],
 * }} `messages`, `states` and `talks` are for `moment`.
 */
export function tell(given) {
  const complete = completed(given);
  const { columns, leftOut } = columnsOf(complete);
  const trace = arranged(complete, columns);
  return {
    scope: trace.scope,
    facts: factsOf(trace),
    staged: trace.staged,
    violation: trace.violation,
    leftOut,
    participants: trace.participants,
    beginnings: beginningsOf(trace.participants),
    events: eventsOf(trace),
    messages: messagesOf(trace),
    states: statesOf(trace),
    talks: talksOf(trace),
  };
}

const PRODUCERS = {
  model: "found by the model checker",
  simulation: "a simulated run",
  schedule: "a schedule written by hand",
  crashes: "found by crashing at every moment",
  network: "recorded on the network",
  walk: "a walk of your own",
};

function factsOf({ steps, producer, seed, staged }) {
  const count = steps.length === 1 ? "1 step" : `${steps.length} steps`;
  const by = Object.hasOwn(PRODUCERS, producer) ? `, ${PRODUCERS[producer]}` : "";
  const drawn = seed === null ? "" : `, seed ${seed}`;
  const scene = staged === 0 ? "" : staged === 1 ? "; the first sets the scene" : `; the first ${staged} set the scene`;
  return `${count}${by}${drawn}${scene}`;
}

/** Each step with its scene, its lines of text, and how the lifelines run above and below it. */
function eventsOf(trace) {
  let life = trace.participants.map(() => ({ up: true, side: 0 }));
  return trace.steps.map((step, index) => {
    const scene = sceneOf(trace.participants, step);
    const before = life;
    life = lifeAfter(scene, before);
    return { number: index + 1, scene, lines: linesOf(trace.participants, step), before, after: life };
  });
}

function lifeAfter(scene, before) {
  if (scene.type === "sides") {
    const side = new Map(scene.sides.map((server) => [server.who, server.side]));
    return before.map((life, who) => (side.has(who) ? { ...life, side: side.get(who) } : life));
  }
  if (scene.mark !== "crash" && scene.mark !== "restart") return before;
  const up = scene.mark === "restart";
  return before.map((life, who) => (who === scene.who ? { ...life, up } : life));
}

const MARKS = { timeout: "timer", crash: "crash", restart: "restart" };

/** What is drawn between the lifelines: an arrow, a mark, a link, or the sides of a partition. */
function sceneOf(participants, step) {
  const { kind, who, from } = step;
  if (kind === "cut" || kind === "heal") {
    const works = kind === "heal";
    if (from !== null) return { type: "link", ends: [Math.min(from, who), Math.max(from, who)], works };
    return { type: "sides", sides: works ? oneSide(participants) : sidesOf(participants, step) };
  }
  if (Object.hasOwn(MARKS, kind)) return { type: "mark", who, mark: MARKS[kind] };
  if (from !== null) return { type: "arrow", from, to: who, lost: kind === "drop" };
  return { type: "mark", who, mark: "other" };
}

const oneSide = (participants) => serversOf(participants).map((who) => ({ who, side: 0 }));

function serversOf(participants) {
  return [...participants.keys()].filter((index) => participants[index].kind !== "client");
}

/**
 * Reads the sides of a partition from a label like `the network splits: n0 n1 | n2`. Without them, the participant that
 * the step names is alone on its side.
 */
function sidesOf(participants, step) {
  const groups = step.label
    .split(":")
    .at(-1)
    .split("|")
    .map((group) => group.split(/[ ,]+/));
  const sides = serversOf(participants).map((who) => ({
    who,
    side: groups.findIndex((group) => group.includes(participants[who].name)),
  }));
  if (groups.length > 1 && sides.every(({ side }) => side >= 0)) return sides;
  return sides.map(({ who }) => ({ who, side: who === step.who ? 1 : 0 }));
}

/** The text beside a step: its label, what it changed, and what it led to. */
function linesOf(participants, step) {
  const changed = step.after === "" ? [] : toldOf(step.before, step.after);
  return [
    { kind: "label", text: step.label },
    ...changed.map((text) => ({ kind: "change", text })),
    ...effectsOf(step.effects).map((text) => ({ kind: "effect", text, reply: replyOf(participants, step.who, text) })),
  ];
}

/** What changed, with short changes side by side. */
function toldOf(before, after) {
  const told = [];
  for (const change of changes(before, after)) {
    const alone = toldAlone(change);
    const last = told.at(-1);
    if (last !== undefined && last.length + alone.length < SIDE_BY_SIDE) told[told.length - 1] = `${last} · ${alone}`;
    else told.push(alone);
  }
  return told;
}

function toldAlone({ field, before, after }) {
  if (field === "") return before === "" ? `starts as ${after}` : `${before} → ${after}`;
  if (before === "") return `${field}: + ${after}`;
  return after === "" ? `${field}: − ${brief(before)}` : `${field}: ${brief(before)} → ${after}`;
}

/** What a value was, by its name alone if it is long: it was told in full when it came to be. */
function brief(value) {
  const [, name, bracket] = /^(\p{Alphabetic}[^{(]*)([{(])/u.exec(value) ?? [];
  if (name === undefined || value.length <= BRIEF) return value;
  return bracket === "{" ? `${name}{ … }` : `${name}(…)`;
}

/** The effects, with messages that go to several recipients told once: `sends Query to n1, n2`. */
function effectsOf(effects) {
  const told = [];
  let last = null;
  for (const effect of effects) {
    const sent = sentBy(effect);
    if (sent && last && sent.message === last.message) told[told.length - 1] += `, ${sent.to}`;
    else told.push(effect);
    last = sent;
  }
  return told;
}

/** The message and the recipients of an effect like `sends Query to n1, n2`. */
function sentBy(effect) {
  const [, message, to] = /^sends ([^]*) to ([^]*)$/.exec(effect) ?? [];
  return message === undefined ? null : { message, to };
}

/** The answer and the arrow of an effect like `replies Written to c0#1`, perhaps with `, but the reply is lost`. */
function replyOf(participants, who, effect) {
  const [, answer, name, rest] = /^replies ([^]*) to ([^#, ]+)([^]*)$/.exec(effect) ?? [];
  const to = participants.findIndex((participant) => participant.name === name);
  return to < 0 || to === who ? null : { type: "arrow", from: who, to, answer, lost: rest.includes("lost") };
}

/** The states before the first step: `n0, n1 start as …`. Those that differ only by their own names are told once. */
function beginningsOf(participants) {
  const groups = [];
  for (const participant of participants.filter(({ state }) => state !== "")) {
    const group = groups.find(([first]) => areAlike(first, participant));
    if (group) group.push(participant);
    else groups.push([participant]);
  }
  return groups.map((group) => `${whoStarts(group)} ${group[0].state}`);
}

function whoStarts(group) {
  const [first] = group;
  const names = group.map(({ name }) => name).join(", ");
  if (group.length === 1) return `${names} starts as`;
  return group.some(({ state }) => state !== first.state) ? `${names} start like ${first.name}:` : `${names} start as`;
}

/** Whether two states differ only by their participants' own names: `me: n0 of 3` and `me: n1 of 3`. */
function areAlike(one, other) {
  const anonymous = (text, name) => text.replace(/[\p{Alphabetic}\p{N}]+/gu, (word) => (word === name ? "" : word));
  return changes(one.state, other.state).every(
    ({ before, after }) => anonymous(before, one.name) === anonymous(after, other.name),
  );
}

/** Whether `story` tells what `earlier` tells, and more: what is drawn of `earlier` can stay. */
export function continues(story, earlier) {
  const drawn = ({ participants, leftOut, staged }) => JSON.stringify([participants, leftOut, staged]);
  return (
    drawn(story) === drawn(earlier) &&
    story.events.length >= earlier.events.length &&
    earlier.events.every((event, at) => JSON.stringify(event) === JSON.stringify(story.events[at]))
  );
}

// ---- What is so after a step -----------------------------------------------------------------------------------

/** Every message of the run, from the step that sent it to the step (if any) in which it arrived or was lost. */
function messagesOf(trace) {
  const numbers = new Map(trace.participants.map(({ name }, index) => [name, index]));
  const messages = [];
  trace.steps.forEach((step, index) => {
    const number = index + 1;
    const arrived = isEndOfMessage(step) && messages.find((message) => isOnItsWay(message) && isOf(step, message));
    if (arrived) arrived.gone = number;
    for (const { message, to } of step.effects.map(sentBy).filter(Boolean)) {
      for (const name of to.split(", ").filter((name) => numbers.has(name))) {
        messages.push({ from: step.who, to: numbers.get(name), text: message, sent: number, gone: Infinity });
      }
    }
  });
  return messages;
}

/** Whether a message is not on its way any more after the step. One that was duplicated still is. */
const isEndOfMessage = ({ kind }) => kind === "deliver" || kind === "drop";
const isOnItsWay = ({ gone }) => gone === Infinity;
const isOf = (step, { from, to, text }) => from === step.from && to === step.who && text === step.message;

/** For each participant, its states in order: since which step, and the text. */
function statesOf(trace) {
  const states = trace.participants.map(({ state }) => [{ since: 0, text: state }]);
  trace.steps.forEach((step, index) => {
    if (step.kind !== "drop") states[step.who].push({ since: index + 1, text: step.after });
  });
  return states;
}

/** For each participant, what it asked and was told, in order. */
function talksOf(trace) {
  const talks = trace.participants.map(() => [{ since: 0, fields: [{ name: "", value: "has asked nothing yet" }] }]);
  trace.steps.forEach((step, index) => {
    const since = index + 1;
    if ((step.kind === "invoke" || step.kind === "retry") && step.from !== null) {
      const name = `asked ${trace.participants[step.who].name}`;
      talks[step.from].push({ since, fields: [{ name, value: step.message ?? step.label }] });
    }
    for (const reply of step.effects.map((effect) => replyOf(trace.participants, step.who, effect)).filter(Boolean)) {
      const asked = talks[reply.to].at(-1).fields.slice(0, 1);
      if (!reply.lost) talks[reply.to].push({ since, fields: [...asked, { name: "was told", value: reply.answer }] });
    }
  });
  return talks;
}

/**
 * Each participant as it is after step `number`: its fields, whether the step changed them, and the messages on their
 * way to it.
 *
 * @returns {{isUp: boolean, fields: {name: string, value: string, changed: boolean}[],
 *   inFlight: {from: number, text: string, count: number, isNew: boolean}[]}[]}
 */
export function moment(story, number) {
  const life = number === 0 ? null : story.events[number - 1].after;
  return story.participants.map(({ kind, state }, index) => ({
    isUp: life === null || life[index].up,
    fields: kind === "client" && state === "" ? talkAt(story, index, number) : stateAt(story, index, number),
    inFlight: inFlightTo(story.messages, index, number),
  }));
}

function latest(history, number) {
  const at = history.findLastIndex(({ since }) => since <= number);
  return { now: history[at], before: history[at - 1] };
}

function talkAt(story, index, number) {
  const { now } = latest(story.talks[index], number);
  const isNew = number > 0 && now.since === number;
  return now.fields.map((field, at) => ({ ...field, changed: isNew && at === now.fields.length - 1 }));
}

function stateAt(story, index, number) {
  const { now, before } = latest(story.states[index], number);
  const fields = fieldsOf(now.text);
  if (now.since !== number || !before) return fields.map((field) => ({ ...field, changed: false }));
  const old = new Map(fieldsOf(before.text).map(({ name, value }) => [name, value]));
  return fields.map((field) => ({ ...field, changed: old.get(field.name) !== field.value }));
}

/** Equal messages from one sender are one entry with a count. */
function inFlightTo(messages, index, number) {
  const entries = new Map();
  for (const { from, to, text, sent, gone } of messages) {
    if (to !== index || sent > number || gone <= number) continue;
    const key = `${from} ${text}`;
    const entry = entries.get(key) ?? { from, text, count: 0, isNew: false };
    entries.set(key, { ...entry, count: entry.count + 1, isNew: entry.isNew || sent === number });
  }
  return [...entries.values()];
}

/** The fields of a state: of `Abd { held: 0, .. }` those in the braces, of any other text the whole, without a name. */
export function fieldsOf(state) {
  if (state.trim() === "") return [];
  const parsed = parse(state.trim());
  if (parsed?.shape !== "named" || parsed.items.length === 0) return [{ name: "", value: state }];
  return parsed.items.map(([name, value]) => ({ name, value }));
}

// ---- What changed between two states ---------------------------------------------------------------------------
//
// Derived `Debug` text has few shapes: `Name { field: value }`, `Name(value, value)`, `[value]`, `{key: value}`,
// `{value}`. Two texts of the same shape are compared part by part, and inside a part again if that says less. Text of
// any other shape is a custom `Debug`: it is shown whole.

/**
 * The parts in which two states differ.
 *
 * @returns {{field: string, before: string, after: string}[]} The path of each part (empty for the whole state), what
 *   it was (empty if it was not there) and what it is (empty if it is not there any more).
 */
export function changes(before, after) {
  const [old, now] = [before.trim(), after.trim()];
  if (old === now) return [];
  const inside = inner("", parse(old), parse(now));
  return inside?.length > 0 ? inside : [{ field: "", before: old, after: now }];
}

const CLOSING = new Map([
  ["{", "}"],
  ["[", "]"],
  ["(", ")"],
]);

/** A string, a character, `::`, a run of letters, or one character. */
const TOKEN = /"(?:[^"\\]|\\[^])*"|'(?:\\[^][^']*|[^\\])'|::|[^"'{}[\](),:]+|[^]/gu;

const NAME = /^[\p{Alphabetic}\p{N}_:<>]*$/u;

/** A text of one of the known shapes: its head, its shape and its items. `null` for any other text. */
function parse(text) {
  const start = text.search(/[{[(]/);
  if (start < 0) return null;
  const head = text.slice(0, start).trimEnd();
  const close = CLOSING.get(text[start]);
  if (!NAME.test(head) || text.length < start + 2 || !text.endsWith(close)) return null;
  const items = split(text.slice(start + 1, -1), ",")
    ?.map((item) => item.trim())
    .filter((item) => item !== "");
  if (!items) return null;
  if (close === "}") return braces(head, items);
  return { head, shape: close === "]" ? "list" : "tuple", items };
}

function braces(head, items) {
  const named = [];
  for (const item of items) {
    const [name, ...value] = split(item, ":");
    if (value.length > 0) named.push([name.trim(), item.slice(name.length + 1).trim()]);
  }
  if (named.length === 0 && items.length > 0) return { head, shape: "set", items };
  const areDistinct = new Set(named.map(([name]) => name)).size === named.length;
  return named.length === items.length && areDistinct ? { head, shape: "named", items: named } : null;
}

/** Cuts `text` at each `separator` that is not inside brackets or quotes. `null` if those do not match up. */
function split(text, separator) {
  const parts = [];
  const open = [];
  let start = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '"') return null;
    if (CLOSING.has(token)) open.push(CLOSING.get(token));
    else if (")]}".includes(token) && open.pop() !== token) return null;
    else if (token === separator && open.length === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return open.length === 0 ? parts : null;
}

/** The changed parts of two texts of the same head; `null` if there is no telling them apart part by part. */
function inner(path, old, now) {
  if (!old || !now || old.head !== now.head) return null;
  switch (commonShape(old, now)) {
    case "named":
      return named(path, old.head === "", old.items, now.items);
    case "list":
      return lists(path, old.items, now.items);
    case "tuple":
      return tuples(path, old.items, now.items);
    case "set":
      return sets(path, old.items, now.items);
    default:
      return null;
  }
}

/** The shape of both texts, if they have the same. An empty set looks like an empty map. */
function commonShape(old, now) {
  const isEmpty = ({ shape, items }) => shape === "named" && items.length === 0;
  if (old.shape === now.shape) return old.shape;
  const areSets = [old, now].every((one) => one.shape === "set" || isEmpty(one));
  return areSets ? "set" : null;
}

function named(path, isMap, old, now) {
  const to = (name) => (isMap ? `${path}[${name}]` : joined(path, name));
  const [was, is] = [new Map(old), new Map(now)];
  const gone = (name, value) => [{ field: to(name), before: value, after: "" }];
  return [
    ...old.flatMap(([name, value]) => (is.has(name) ? valueChanges(to(name), value, is.get(name)) : gone(name, value))),
    ...now.filter(([name]) => !was.has(name)).map(([name, value]) => ({ field: to(name), before: "", after: value })),
  ];
}

/** Lists of the same length are compared item by item; a list that grew or shrank at its end by what came or went. */
function lists(path, old, now) {
  const common = Math.min(old.length, now.length);
  const startAlike = old.slice(0, common).every((item, at) => item === now[at]);
  if (old.length !== now.length && !startAlike) return null;
  const at = (index) => `${path}[${index}]`;
  return [
    ...old.slice(0, common).flatMap((item, index) => valueChanges(at(index), item, now[index])),
    ...old.slice(common).map((item, index) => ({ field: at(common + index), before: item, after: "" })),
    ...now.slice(common).map((item, index) => ({ field: at(common + index), before: "", after: item })),
  ];
}

function tuples(path, old, now) {
  if (old.length !== now.length) return null;
  const at = (index) => (old.length === 1 ? path : joined(path, String(index)));
  return old.flatMap((item, index) => valueChanges(at(index), item, now[index]));
}

function sets(path, old, now) {
  return [
    ...old.filter((item) => !now.includes(item)).map((item) => ({ field: path, before: item, after: "" })),
    ...now.filter((item) => !old.includes(item)).map((item) => ({ field: path, before: "", after: item })),
  ];
}

/** The change of one value: inside it, where that is shorter than the whole. */
function valueChanges(path, before, after) {
  if (before === after) return [];
  const all = { field: path, before, after };
  const inside = inner(path, parse(before), parse(after));
  return inside?.length > 0 && total(inside) < total([all]) ? inside : [all];
}

const lengthOf = ({ field, before, after }) => field.length + before.length + after.length + 4;
const total = (list) => list.reduce((sum, change) => sum + lengthOf(change), 0);

const joined = (path, name) => (path === "" ? name : `${path}.${name}`);
