// What mdBook's own page leaves open for readers without a mouse.

export function mendPage() {
  mendSidebarToggle(document.getElementById("mdbook-sidebar-toggle"));
  for (const box of document.querySelectorAll("pre > code, .table-wrapper, .matrix")) {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (scrolls) box.tabIndex = 0; // so that the arrow keys move it
  }
}

/** The button that shows the list of chapters is a label, which no key reaches. */
function mendSidebarToggle(toggle) {
  if (!toggle) return;
  toggle.setAttribute("role", "button");
  toggle.tabIndex = 0;
  toggle.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle.click();
  });
}
