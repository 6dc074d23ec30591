// Keys for the whole page: / filters, the arrows walk the list.

import { find } from "./dom.js";

/**
 * @param {KeyboardEvent} event
 * @param {number} step
 */
function walk(event, step) {
  const rows = [...find("list").querySelectorAll(".row")];
  const at = rows.findIndex((element) => element.contains(document.activeElement));
  const target = rows[at + step]?.querySelector(".name");
  if (!(target instanceof HTMLElement)) return;
  event.preventDefault();
  target.focus();
}

/** @param {KeyboardEvent} event */
function isOurs(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return !document.querySelector("dialog[open]") && !find("view-list").hidden;
}

/** @param {KeyboardEvent} event */
function press(event) {
  if (!isOurs(event)) return;
  const filter = /** @type {HTMLInputElement} */ (find("filter"));
  const at = event.target;
  const typing = at instanceof Element && at.matches("input, select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === "Escape" && at === filter) {
    filter.value = "";
    filter.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (event.key === "ArrowDown" && (!typing || at === filter)) walk(event, 1);
  else if (event.key === "ArrowUp" && !typing) walk(event, -1);
}

export function watchKeys() {
  addEventListener("keydown", press);
}
