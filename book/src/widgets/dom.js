// Small things done with the document that every widget needs.

/** Makes an element: its properties, then its children, which may be text. What is null or false is left out. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") || name.startsWith("data-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

/** The book's root, whatever page this is. */
export const ROOT = new URL("../", import.meta.url);

/**
 * The address of a page that is named by its source: `1-cap/README.md#tasks`. The name may come from a learner's program: what is no page of the
 * book, such as an address with a scheme of its own, leads to the book's first page.
 */
export function pageAddress(source) {
  const [file, anchor] = source.split("#");
  const built = file.replace(/README\.md$/, "index.html").replace(/\.md$/, ".html");
  const address = new URL(built + (anchor ? `#${anchor}` : ""), ROOT).href;
  return address.startsWith(ROOT.href) ? address : ROOT.href;
}
