// A provider's rate limits: how much is used, and when that ends.

import { server } from "./clock.js";
import { find, make } from "./dom.js";
import { tableOf } from "./table.js";
import * as words from "./words.js";

/** @typedef {import("./types").Whole} Whole */

/** @type {Record<string, string>} */
const SOURCES = {
  headers: "the answers' headers",
  body: "the answers",
  estimate: "an estimate from the documented limits",
};
const FORECAST = 50; // percent used: below that a trend of a few minutes says nothing

/** @param {Whole} provider */
export function showLimits({ rate_limit: limit, rate_limit_percent: percent }) {
  const home = find("detail-limits");
  if (limit.source === "none") {
    home.replaceChildren(make("p", { class: "quiet" }, "No limit is known: the provider states none."));
    return;
  }
  const now = server.now();
  const { exhausts_at: end } = limit;
  const soon = end !== null && percent >= FORECAST;
  let forecast = "";
  if (percent >= 100) forecast = " One is used up until its reset.";
  else if (soon) forecast = ` At the present pace it runs out at ${words.moment(end, now)}, before its reset.`;
  const estimate = limit.source === "estimate" ? "About " : "";
  home.replaceChildren(
    make("p", { class: soon ? "forecast soon" : "forecast" }, `${estimate}${words.percent(percent)} used.${forecast}`),
    make("div", { class: "scroll" }, limitTable(limit.limits, now)),
    make("p", { class: "quiet" }, `Known from ${SOURCES[limit.source]}.`),
  );
}

/**
 * @param {Whole["rate_limit"]["limits"]} all
 * @param {number} now
 */
function limitTable(all, now) {
  const rows = all.map(({ name, window_seconds: window, limit, remaining, reset_at: reset }) => {
    const cells = [words.span(window), words.amount(remaining), words.amount(limit), reset ? words.moment(reset, now) : words.NOTHING];
    const first = make("th", { scope: "row", class: "foreign" }, name);
    return make("tr", {}, first, ...cells.map((text) => make("td", {}, text)));
  });
  return tableOf(["limit", "per", "left", "of", "resets"], rows);
}
