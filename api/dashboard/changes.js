// What changed: status, best provider, model lists; as lines, newest first.

import { find, make, shape, time } from "./dom.js";
import { ask, server } from "./feed.js";
import { moment, STATUSES } from "./words.js";

const SHOWN = 60;

/** The changes of so many hours, newest first; with a name, those that concern it. */
export async function changes(hours, name = null) {
  const all = ask(`api/providers/changes?hours=${hours}`);
  if (name === null) return (await all).changes.reverse();
  // A change of the best has no provider of its own, but concerns two.
  const own = ask(`api/providers/changes?hours=${hours}&provider=${encodeURIComponent(name)}`);
  const best = (await all).changes.filter(
    (change) => change.kind === "best" && [change.before, change.after].includes(name),
  );
  const found = [...(await own).changes, ...best];
  return found.sort((a, b) => (a.timestamp < b.timestamp ? 1 : -1));
}

export async function showLately() {
  try {
    fill(find("lately"), (await changes(24)).slice(0, SHOWN), "Nothing changed in 24 hours.");
  } catch (error) {
    if (find("lately").querySelector("time")) return; // what was read before is still true
    fill(find("lately"), [], `The history cannot be read: ${error.message}`);
  }
}

/** ``own``: lines about one provider, which then need not name it. */
export function fill(list, found, nothing, own = false) {
  const lines = found.map((change) => line(change, own));
  list.replaceChildren(...(lines.length ? lines : [make("li", { class: "quiet" }, nothing)]));
}

function line(change, own) {
  const at = time(change.timestamp, moment(change.timestamp, server.now()));
  const was = change.kind === "status" ? `was ${change.before}; ` : "";
  const item = make("li", { title: was + change.reason }, at, shape(kindOf(change)));
  const text = make("span", { class: "what" }, ...whatOf(change, own));
  if (own) text.append(make("span", { class: "quiet foreign why" }, change.reason));
  item.append(text);
  return item;
}

function kindOf({ kind, after }) {
  if (kind === "status") return STATUSES.includes(after) ? after : "unknown";
  return kind;
}

function whatOf({ kind, provider_name: name, before, after }, own) {
  const link = (name) =>
    make("a", { class: "foreign", href: `#provider=${encodeURIComponent(name)}` }, name);
  const who = own || name === null ? [] : [link(name), " "];
  if (kind === "best") {
    if (after === null) return ["no provider is usable; before: ", link(before)];
    return [
      link(after),
      " is now the best",
      ...(before === null ? [] : ["; before: ", link(before)]),
    ];
  }
  if (kind === "model") {
    const model = make("span", { class: "foreign" }, after ?? before);
    return [...who, after === null ? "lost model " : "offers model ", model];
  }
  return [...who, own ? `${before} → ${after}` : `→ ${after}`];
}
