// What the tests do with the course's pages: find a task's card, check a task, ask for what the server knows.

/** The card of a task. */
export const card = (page, task) => page.locator(`.task-card[data-task="${task}"]`);

/** Presses Check, and waits for the end of the run that this begins. */
export async function check(page, task) {
  const own = card(page, task);
  await own.locator(".task-button", { hasText: "Check" }).click();
  for (const verb of ["Stop", "Check"]) {
    await own.locator(".task-button", { hasText: verb }).waitFor().catch(async ({ message }) => {
      throw new Error(`${task} says: ${await own.locator(".task-says").textContent()}\n${message}`);
    });
  }
  return own;
}

/** What the server tells a page that has just been opened. */
export function stateOf(page) {
  return page.evaluate(() => {
    const token = document.querySelector('meta[name="course-token"]').content;
    const socket = new WebSocket(`ws://${location.host}/api/events?token=${token}`);
    return new Promise((told) => (socket.onmessage = (event) => (socket.close(), told(JSON.parse(event.data).state))));
  });
}
