// Words that several widgets use.

/** "1 check", "3 checks". */
export function count(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** With a capital letter. */
export const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** How far a task is. */
export const STANDING = {
  open: "open",
  done: "passed",
  changed: "passed, and changed since",
  "before-edits": "passed before your last edits",
  "before-update": "passed before the course's last update",
};
