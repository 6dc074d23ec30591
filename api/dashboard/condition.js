// Whether what is on the page is the present, and how the tracker itself is: a word in the header,
// and a banner only where it is unwell.

import { server } from "./clock.js";
import { find, hide, make, put, say } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./types").FeedState} FeedState */
/** @typedef {import("./types").Health} Health */

const SILENT = 12; // seconds; a heartbeat comes every ten

/** @type {Health | null} */
let health = null;

/** @param {Health} told */
export function showHealth(told) {
  health = told;
  const unwell = told.status !== "ok" || told.problems.length > 0;
  hide(find("unwell"), !unwell);
  say(find("unwell-title"), told.status === "failing" ? "The tracker itself is failing: restart it." : "The tracker itself has problems, but works.");
  const problems = told.problems.map((each) => make("li", { class: "foreign" }, words.capital(each)));
  find("unwell-problems").replaceChildren(...problems);
  const waiting = told.buffered ? `, ${words.amount(told.buffered)} results wait` : "";
  const lost = told.dropped ? `, ${words.amount(told.dropped)} lost` : "";
  facts({
    "The tracker": unwell ? "has problems" : told.ready ? "ok" : "ok, first checks in progress",
    Watching: words.many(told.watched, "provider"),
    Database: `${told.database}${waiting}${lost}`,
    Running: `since ${words.moment(told.started_at, server.now())}`,
    "Ranks by": told.policy.replaceAll("_", " ").replace(/ cost$/, " time"),
  });
}

/** @param {Record<string, string>} values */
function facts(values) {
  const items = Object.entries(values).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value)),
  );
  find("own-facts").replaceChildren(...items);
}

/**
 * @param {{state: FeedState, age: number | null}} condition
 * @param {boolean} hasData
 */
export function showCondition({ state, age }, hasData) {
  const line = find("connection");
  put(line, "data-state", state);
  line.classList.toggle("heard", state === "live" && age !== null && age < 1);
  document.documentElement.classList.toggle("lost", state === "lost" && hasData);
  const ago = age === null ? "" : `last update ${words.duration(age)} ago`;
  const silent = age !== null && age > SILENT;
  const text = {
    starting: "connecting…",
    live: silent ? `live, but no update for ${words.duration(age)}` : liveWord(),
    polling: "polling every few seconds; the event stream is not available",
    waiting: `reconnecting; ${ago}`,
    lost: age === null ? "the tracker cannot be reached; trying again" : `not live: ${ago}`,
  }[state];
  say(find("connection-text"), text);
  hide(find("banner"), state !== "lost");
  if (state === "lost") {
    const old = ago ? `What you see is out of date: ${ago}. ` : "";
    say(find("banner"), `Not live. ${old}The tracker does not answer; reconnecting…`);
  }
}

const liveWord = () => (health && (health.status !== "ok" || health.problems.length) ? "live, tracker has problems" : "live");
