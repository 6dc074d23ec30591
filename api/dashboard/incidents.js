// What is wrong: open incidents, the gravest first, and those that ended lately.

import { server } from "./clock.js";
import { find, hide, linkTo, make, providerLink, say, shape, time } from "./dom.js";
import { state } from "./state.js";
import * as words from "./words.js";

/** @typedef {import("./types").Incident} Incident */
/** @typedef {import("./types").Incidents} Incidents */

const GRAVEST = ["nothing_usable", "network", "tracker", "key", "provider", "offer"];
const AT_FIRST = 4; // more are shown on request: the providers must stay in sight
const ON_A_PHONE = 2;

const phone = matchMedia("(max-width: 46rem)");

let all = false;
/** @type {Incidents | null} */
let shown = null;
let drawn = "";
/** @type {Map<HTMLElement, number>} */
const running = new Map(); // what counts on, and since when

/**
 * @param {Incidents} incidents
 * @param {boolean} swept
 */
export function showIncidents(incidents, swept) {
  shown = incidents;
  const here = downFromHere();
  const now = JSON.stringify([incidents, swept, all, phone.matches, here]);
  if (now === drawn) return;
  drawn = now;
  const { open, open_count: count, over, over_count: ended } = incidents;
  const home = find("wrong");
  home.classList.toggle("quiet-night", count === 0 && here.length === 0);
  say(find("wrong-title"), count ? `Wrong now: ${count}` : "Wrong now");
  running.clear();
  const list = sorted(open);
  const lines = (all ? list : list.slice(0, atFirst())).map((incident) => line(incident, incidents));
  find("incidents").replaceChildren(...(lines.length ? lines : [calm(swept, here)]));
  more(count, lines.length);
  find("over").replaceChildren(...over.map((each) => overLine(each, true)));
  hide(find("over-box"), ended === 0);
  say(find("over-title"), `Over in the last 24 hours: ${ended}`);
  tickIncidents();
}

const atFirst = () => (phone.matches ? ON_A_PHONE : AT_FIRST);

/** Call once a second. */
export function tickIncidents() {
  const now = server.now();
  for (const [element, since] of running) say(element, words.duration((now - since) / 1000));
}

/** @param {Incident[]} open */
function sorted(open) {
  const gravity = (/** @type {Incident} */ each) => GRAVEST.indexOf(each.cause);
  return [...open].sort(
    (a, b) => gravity(a) - gravity(b) || (a.opened_at < b.opened_at ? 1 : -1),
  );
}

// With a cluster, what one vantage alone sees is no incident: the rows may be red all the same.
const downFromHere = () =>
  [...state.providers.values()]
    .filter(({ status, vantages }) => status === "down" && vantages.length > 1)
    .map(({ name }) => name);

/**
 * @param {boolean} swept
 * @param {string[]} here
 */
function calm(swept, here) {
  if (here.length) {
    const who = here.length === 1 ? `${here[0]} is` : `${here.length} providers are`;
    const text = make("span", { class: "foreign" }, `${who} down from here, not for the cluster.`);
    return make("li", { class: "calm" }, shape("degraded"), text);
  }
  const [kind, text] = swept
    ? ["healthy", "Nothing is wrong."]
    : ["unknown", "The first checks are in progress."];
  return make("li", { class: "calm" }, shape(kind), text);
}

/**
 * @param {Incident} incident
 * @param {Incidents} incidents
 */
function line(incident, { mutes }) {
  const { id, cause, provider_name: name, opened_at: opened } = incident;
  const [what, text] = splitSummary(incident);
  const title = make("strong", {}, name === null ? what : link(name, what));
  const lasts = make("b", { class: "lasts" });
  running.set(lasts, Date.parse(opened));
  const since = make(
    "span",
    { class: "when" },
    "for ",
    lasts,
    ", since ",
    time(opened, words.moment(opened, server.now())),
  );
  const item = make("li", { class: "incident", "data-cause": cause }, shape(kindOf(incident)));
  const said = make("div", {}, make("p", { class: "what" }, title, " ", since));
  if (text) said.append(make("p", { class: "foreign why" }, words.capital(text)));
  const notes = [...notesOf(incident, name === null ? null : (mutes[name] ?? null))];
  if (notes.length) said.append(make("p", { class: "notes foreign" }, notes.join(" · ")));
  item.append(said, actions(id, name, incident));
  return item;
}

/**
 * What is wrong, and the cause: "groq is down: HTTP 500". A name keeps its own letters.
 * @param {Incident} incident
 */
function splitSummary({ cause, summary, flapping, provider_name: name }) {
  const at = summary.indexOf(": ", name !== null && summary.startsWith(name) ? name.length : 0);
  const what = at < 0 ? summary : summary.slice(0, at);
  let whole = cause === "key" ? `${what}: our key` : what;
  // It is kept open over the quiet minutes in between, so that "is down" may be wrong just now.
  if (flapping) whole = whole.replace(/ is down$/, " comes and goes");
  return [name === null ? words.capital(whole) : whole, at < 0 ? "" : summary.slice(at + 2)];
}

/**
 * @param {string} name
 * @param {string} text
 */
const link = (name, text) => make("a", { href: linkTo(name), class: "foreign" }, text);

/** @param {Incident} incident */
const kindOf = ({ cause, flapping }) =>
  flapping || cause === "offer" || cause === "tracker" ? "degraded" : "down";

/**
 * @param {string} id
 * @param {string | null} name
 * @param {Incident} incident
 */
function actions(id, name, incident) {
  const about = words.plain(incident.subject);
  const buttons = [];
  if (incident.acknowledged_by === null)
    buttons.push(button("Acknowledge", { "data-acknowledge": id, "aria-label": `Acknowledge: ${about}` }));
  if (name !== null && incident.muted_until === null)
    buttons.push(button("Mute", { "data-mute": name, "aria-label": `Mute ${about}` }));
  return make("div", { class: "actions" }, ...buttons);
}

/**
 * @param {string} text
 * @param {Record<string, string>} attributes
 */
const button = (text, attributes) => make("button", { type: "button", ...attributes }, text);

/**
 * @param {Incident} incident
 * @param {string | null} muted
 */
export function* notesOf({ flapping, acknowledged_by: by, muted_until, notified }, muted) {
  if (by !== null) yield `acknowledged by ${by}`;
  const until = muted_until ?? muted;
  if (until !== null) yield `muted until ${words.moment(until, server.now())}`;
  if (flapping) yield "it comes and goes: one incident until there was no failure for 30 minutes";
  const told = new Set(notified.filter((each) => !each.error).map((each) => each.target));
  const failed = new Set(notified.filter((each) => each.error).map((each) => each.target));
  if (told.size) yield `told: ${[...told].join(", ")}`;
  const lost = [...failed].filter((target) => !told.has(target));
  if (lost.length) yield `not reached: ${lost.join(", ")}`;
}

/**
 * @param {number} count
 * @param {number} seen
 */
function more(count, seen) {
  const button = find("wrong-more");
  hide(button, count <= atFirst());
  const unseen = count - seen;
  say(button, all ? "Show fewer" : `Show ${unseen} more`);
}

const again = () => shown && showIncidents(shown, true);

find("wrong-more").addEventListener("click", () => {
  all = !all;
  again();
});
phone.addEventListener("change", again);

/**
 * One line of an incident, over or not.
 * @param {Incident} incident
 * @param {boolean} linked whether it leads to its provider's page
 */
export function overLine(incident, linked) {
  const { summary, opened_at, closed_at, duration_seconds: lasted } = incident;
  const { provider_name: name } = incident;
  const now = server.now();
  const from = time(opened_at, words.moment(opened_at, now));
  const until = closed_at ? `–${words.moment(closed_at, now)}` : " until now";
  const text = make("span", { class: "what foreign" }, name === null ? words.capital(summary) : summary);
  const item = make("li", {}, make("span", { class: "when" }, from, until), text);
  if (lasted !== null) text.append(make("span", { class: "quiet" }, ` ${words.duration(lasted)}`));
  if (name !== null && linked) text.append(" ", providerLink(name, "open"));
  return item;
}
