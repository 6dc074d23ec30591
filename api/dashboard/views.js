// What the address names: #provider=NAME and #model=NAME open over the list, #models instead of it.

import { find, hide, put } from "./dom.js";

/** @type {import("./detail.js").Detail | null} */
let detail = null;
/** @type {Promise<import("./detail.js").Detail> | null} */
let coming = null;

const parameters = () => new URLSearchParams(location.hash.slice(1));

/** Shows what the address names. Call it when the address or what is known has changed. */
export async function follow() {
  const named = parameters();
  const models = named.has("models") || named.has("model");
  hide(find("view-list"), models);
  hide(find("view-models"), !models);
  mark("nav-list", !models);
  mark("nav-models", models);
  if (models) (await import("./models.js")).show(named.get("model"), named.get("models"));
  const name = named.get("provider");
  if (name !== null || detail) (await open()).follow(name);
}

/** @param {string} id @param {boolean} current */
function mark(id, current) {
  if (current) put(find(id), "aria-current", "page");
  else find(id).removeAttribute("aria-current");
}

/** Its code comes when it is first needed: most visits are a glance. */
async function open() {
  coming ??= import("./detail.js").then((module) => new module.Detail());
  detail = await coming;
  return detail;
}

/**
 * A provider may have changed.
 * @param {string} name
 */
export const touch = (name) => detail?.touch(name);

export const redraw = () => detail?.redraw();

addEventListener("hashchange", () => follow());
