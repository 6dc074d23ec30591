// What changed: status, best provider, offers, model lists; as lines, newest first.

import { server } from "./clock.js";
import { find, make, providerLink, shape, time } from "./dom.js";
import { ask } from "./feed.js";
import { moment, STATUSES } from "./words.js";

/** @typedef {import("./types").Change} Change */

const SHOWN = 100;

/**
 * The changes of so many hours that concern a provider, newest first.
 * @param {number} hours
 * @param {string} name
 * @returns {Promise<Change[]>}
 */
export async function readChanges(hours, name) {
  const path = `api/providers/changes?hours=${hours}&provider=${encodeURIComponent(name)}`;
  return (await ask(path)).changes.reverse();
}

/** Fills the list of what changed lately, if it is open. */
export async function showLately() {
  const list = find("lately-list");
  if (!(/** @type {HTMLDetailsElement} */ (find("lately")).open)) return;
  try {
    const { changes } = await ask("api/providers/changes?hours=24");
    fill(list, changes.reverse().slice(0, SHOWN), "Nothing changed in 24 hours.");
  } catch (error) {
    fill(list, [], `The history cannot be read: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * @param {HTMLElement} list
 * @param {Change[]} found
 * @param {string} nothing
 * @param {boolean} own lines about one provider, which then need not name it
 */
export function fill(list, found, nothing, own = false) {
  const lines = found.map((change) => line(change, own));
  list.replaceChildren(...(lines.length ? lines : [make("li", { class: "quiet" }, nothing)]));
}

/**
 * @param {Change} change
 * @param {boolean} own
 */
function line(change, own) {
  const at = time(change.timestamp, moment(change.timestamp, server.now()));
  const text = make("span", { class: "what" }, ...whatOf(change, own));
  if (change.reason) text.append(make("span", { class: "quiet foreign why" }, change.reason));
  return make("li", {}, at, shape(kindOf(change)), text);
}

/** @param {Change} change */
function kindOf({ kind, after }) {
  if (kind === "best" || kind === "model") return kind;
  if (kind === "incident") return after === "closed" ? "healthy" : "down";
  const known = /** @type {string[]} */ (STATUSES);
  const word = (after ?? "").split(" ").at(-1) ?? "";
  return known.includes(word) ? word : "unknown";
}

/**
 * @param {Change} change
 * @param {boolean} own
 * @returns {(Node | string)[]}
 */
function whatOf(change, own) {
  const { kind, provider_name: name, before, after } = change;
  if (kind === "best") return bestOf(change);
  const who = own || name === null ? [] : [providerLink(name), " "];
  if (kind === "model") {
    const model = make("span", { class: "foreign" }, after ?? before ?? "");
    return [...who, after === null ? "lost model " : "offers model ", model];
  }
  if (kind === "incident") return [...who, `incident ${after ?? ""}`];
  return [...who, `${before ?? "new"} → ${after ?? "gone"}`];
}

/**
 * @param {Change} change
 * @returns {(Node | string)[]}
 */
function bestOf({ before, after }) {
  const was = before ? ["; before: ", providerLink(before)] : [];
  return after === null
    ? ["No provider is usable", ...was]
    : [providerLink(after), " is the best now", ...was];
}
