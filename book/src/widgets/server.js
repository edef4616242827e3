// The course's server, if one serves this page (`cargo course serve`). Its token is in the page's head, where no other site can read it. A
// browser that was not led here by the address that the server printed gets the page without it.

const token = document.querySelector('meta[name="course-token"]')?.content ?? null;

/** After how many milliseconds a lost server is looked for again. */
const AGAIN = 2000;

/** Whether the course's server serves this page, to its reader. A plain file server does not. */
export const isHere = token !== null && token !== "";

/** Whether the course's server serves this page to somebody who may read it and do nothing else. */
export const isLocked = token === "";

/** Asks the server to do something. Gives its answer; throws an Error with a sentence if it refuses. */
export async function ask(what, details) {
  const headers = { "content-type": "application/json", "course-token": token };
  return read(await fetch(`/api/${what}`, { method: "POST", headers, body: JSON.stringify(details) }));
}

/** The run that a failed check has written down. */
export async function trace(stage, file) {
  return read(await fetch(`/api/trace/${stage}/${encodeURIComponent(file)}`, { headers: { "course-token": token } }));
}

/** A plot that a lab has drawn, as a picture. */
export async function plot(file) {
  const response = await fetch(`/api/plot/${encodeURIComponent(file)}`, { headers: { "course-token": token } });
  return response.ok ? response.blob() : read(response);
}

/**
 * Begins a walk through the states of a task's code. `hear` is told what the server says, and `{event: "closed"}` once it says no more, unless
 * it was this page that closed the walk.
 */
export function walk(task, hear) {
  const socket = new WebSocket(`ws://${location.host}/api/walk/${encodeURIComponent(task)}?token=${token}`);
  socket.onmessage = (event) => hear(JSON.parse(event.data));
  socket.onclose = () => hear({ event: "closed" });
  const close = () => {
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
  return { ask: (request) => socket.send(JSON.stringify(request)), close };
}

async function read(response) {
  const text = await response.text();
  const answer = parsed(text);
  if (!response.ok) throw new Error(answer?.error ?? (text || `The server answers ${response.status}.`));
  return answer;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Hears everything that the server knows, and then what changes. News is one of
 *   {connected: true | false}
 *   {state}     what the reader has done
 *   {job}       a job that is new or further than before, with its lines so far
 *   {of, line}  one more line of the job with that id
 */
export function follow(hear) {
  const socket = new WebSocket(`ws://${location.host}/api/events?token=${token}`);
  socket.onopen = () => hear({ connected: true });
  socket.onmessage = (event) => hear(JSON.parse(event.data));
  socket.onclose = () => {
    hear({ connected: false });
    setTimeout(() => lookAgain(hear), AGAIN);
  };
}

/** A server that was started again has another token, which stands in the page that it serves. */
async function lookAgain(hear) {
  const page = await fetch(location.href).then((answer) => answer.text(), () => token);
  if (page.includes(token)) follow(hear);
  else location.reload();
}
