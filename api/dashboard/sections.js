// The parts of a provider's page. Each fact is shown once; what is not known has no place of its
// own.

import { server } from "./clock.js";
import { find, hide, make, reshape, say, shape } from "./dom.js";
import { ask } from "./feed.js";
import { notesOf, overLine } from "./incidents.js";
import { tableOf } from "./table.js";
import * as words from "./words.js";

/** @typedef {import("./types").Whole} Whole */

/** @type {Record<string, string>} */
const KEY_STATES = {
  unknown: "not used yet",
  ok: "works",
  refused: "refused",
  spent: "its quota is used up",
  rate_limited: "rate limited",
};

const MODELS = 500;
const HOUR_MS = 3_600_000;

/** @param {import("./types").Detailed} detailed */
export function head({ provider, place, usable, may_answer: hope, incidents: found }) {
  const [kind, word] = words.look(provider);
  reshape(find("detail-shape"), kind);
  // A flapping provider has one incident, in which it is healthy at times.
  const open = provider.status === "down" ? found.find((each) => each.closed_at === null) : null;
  const now = server.now();
  const since = open?.opened_at ?? sinceOf(provider);
  const lasts = since
    ? ` for ${words.duration((now - Date.parse(since)) / 1000)}, since ${words.moment(since, now)}`
    : "";
  say(find("detail-word"), word + lasts);
  say(find("detail-why"), reasonOf(provider));
  let stands = `Place ${place} of ${usable} that can be used now.`;
  if (place === null) stands = hope ? "Do not use it now, except as a last resort." : "Do not use it now.";
  say(find("detail-place"), stands);
}

/** @param {Whole & {status_since?: string | null}} provider */
const sinceOf = (provider) => provider.status_since ?? null;

/** The cause first; the tracker's own sentence where it is more than that. @param {Whole} provider */
function reasonOf({ status, outcome, error_message: error, consecutive_failures: failures, reason }) {
  if (status !== "down" || !failures) return words.capital(reason);
  return `${words.cause(outcome, error)} (${words.many(failures, "check")}${failures > 1 ? " in a row" : ""})`;
}

/** Windows longer than the data are called by what there is, and are then one. @param {import("./types").Detailed} detailed */
export function tiles({ provider, checked_since: since }) {
  const { latency_ms: latency, uptime, status } = provider;
  const now = server.now();
  const within = (/** @type {number} */ hours, /** @type {string} */ window) =>
    since !== null && now - Date.parse(since) < hours * HOUR_MS ? `since ${words.moment(since, now)}` : window;
  const day = within(24, "24 h");
  const works = status === "healthy" || status === "degraded";
  const good = works ? "latency now" : "latency when it last worked";
  fill("detail-tiles", {
    [good]: known(provider.response_time_ms, words.ms),
    [`median, ${day}`]: known(latency.p50, words.ms),
    [`p95, ${day}`]: known(latency.p95, words.ms),
    "first token": known(provider.ttft_ms, words.ms),
    [`up, ${within(1, "1 h")}`]: known(uptime["1h"], words.percent),
    [`up, ${day}`]: known(uptime["24h"], words.percent),
    [`up, ${within(7 * 24, "7 days")}`]: known(uptime["7d"], words.percent),
    [`checks, ${day}`]: words.amount(provider.checks_24h),
    [`completions, ${day}`]: provider.completions_24h ? words.amount(provider.completions_24h) : null,
    "checked every": words.span(provider.interval_seconds) + (provider.interval_overridden ? " (tuned)" : ""),
    "last check": known(provider.last_check, (at) => words.instant(at, now)),
    "next check": provider.enabled ? known(provider.next_check, (at) => words.instant(at, now)) : null,
  });
  hide(find("detail-budget"), !provider.waits_for_budget);
}

/**
 * @template T
 * @param {T | null} value
 * @param {(value: T) => string} tell
 */
const known = (value, tell) => (value === null ? null : tell(value));

/** @param {Whole} provider */
export function traffic({ evidence, checks_saved_24h: saved, completions_saved_24h: completions }) {
  const { calls, counted, failures, last, window_seconds: window, latency_ms: latency, ttft_ms: first, tokens_per_second: speed } = evidence.traffic;
  hide(find("detail-traffic"), last === null);
  if (last === null) return;
  fill("traffic-tiles", {
    "calls a minute": words.amount((calls * 60) / window),
    "failed, 5 min": counted ? words.percent((100 * failures) / counted) : words.NOTHING,
    latency: known(latency, words.ms),
    "first token": known(first, words.ms),
    "tokens a second": known(speed, words.amount),
    "last call": words.instant(last, server.now()),
    "checks saved, 24 h": words.amount(saved),
    "completions saved, 24 h": completions ? words.amount(completions) : null,
  });
}

/**
 * @param {string} home
 * @param {Record<string, string | null>} values
 */
function fill(home, values) {
  const shown = Object.entries(values).filter(([, value]) => value !== null);
  find(home).replaceChildren(
    ...shown.map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, /** @type {string} */ (value))),
    ),
  );
}

/** @param {import("./types").Incident[]} found */
export function incidents(found) {
  hide(find("detail-incidents-box"), found.length === 0);
  const lines = found.slice(0, 20).map((incident) => {
    const item = overLine(incident, false);
    const notes = [...notesOf(incident, null)];
    if (notes.length) item.append(make("span", { class: "quiet foreign why" }, notes.join(" · ")));
    return item;
  });
  find("detail-incidents").replaceChildren(...lines);
  const open = found.find((each) => each.closed_at === null && each.acknowledged_by === null);
  hide(find("detail-acknowledge"), open === undefined);
  if (open) find("detail-acknowledge").dataset.acknowledge = open.id;
}

/** @param {import("./types").Offer[]} all */
export function offers(all) {
  hide(find("detail-offers-box"), all.length === 0);
  const now = server.now();
  const rows = all.map((offer) => {
    const name = make("th", { scope: "row" }, shape(offer.status), " ", make("a", { class: "foreign", href: `#model=${encodeURIComponent(offer.model)}` }, offer.model));
    const since = offer.status_since ? ` since ${words.moment(offer.status_since, now)}` : "";
    const cells = [
      offer.status + since,
      words.ms(offer.ttft_ms),
      words.ms(offer.response_time_ms),
      offer.last_check ? words.ago(Date.parse(offer.last_check), now) : "never",
    ];
    const why = make("td", { class: "foreign why" }, words.withEnd(offer.status === "healthy" && offer.usable ? "" : words.capital(offer.reason), offer.retires_on));
    return make("tr", {}, name, ...cells.map((text) => make("td", {}, text)), why);
  });
  const table = tableOf(["model", "status", "first token", "latency", "checked", "why"], rows);
  find("detail-offers").replaceChildren(table);
}

/** What other places say of it. @param {Whole} provider */
export function vantages({ vantages: all }) {
  hide(find("detail-vantages-box"), !all?.length);
  const rows = (all ?? []).map((each) =>
    make("li", {}, shape(each.status), make("b", { class: "foreign" }, each.name), ` ${each.status}${each.age_seconds === null ? "" : `, ${words.duration(each.age_seconds)} ago`}${each.suspect ? ", no vote: it sees most of them down" : ""} `, make("span", { class: "quiet foreign" }, each.reason)),
  );
  find("detail-vantages").replaceChildren(...rows);
}

/** @param {Whole} provider */
export function facts(provider) {
  /** @type {[boolean | null, string][]} */
  const all = [
    [provider.reachable, "reachable"],
    [provider.authenticated, "our key is accepted"],
    [provider.quota_available, "quota is left"],
    [provider.inference, "a completion was answered"],
  ];
  const proven = all.map(([value, text]) => {
    const kind = value === null ? "unknown" : value ? "healthy" : "down";
    const word = value === null ? "not proven" : value ? "yes" : "no";
    return make("li", {}, shape(kind), `${text}: `, make("b", {}, word));
  });
  find("detail-facts").replaceChildren(...proven);
  const keys = provider.keys.map(({ number, state }) => {
    /** @type {Record<string, string>} */
    const kinds = { ok: "healthy", unknown: "unknown", rate_limited: "degraded" };
    return make("li", {}, shape(kinds[state] ?? "down"), `key ${number}: `, make("b", {}, KEY_STATES[state]));
  });
  find("detail-keys").replaceChildren(...keys);
}

/**
 * @param {import("./types").About} about
 * @param {Whole} provider
 */
export function about({ kind, base_url, check, model, status_page: page }, { adaptations }) {
  /** @type {[string, Node | string][]} */
  const lines = [
    ["Endpoint", make("span", { class: "foreign" }, base_url)],
    ["Kind", kind],
    ["What a check requests", model ? `${check}, model ${model}` : check],
  ];
  if (page) lines.push(["Its own status page", make("a", { href: page, rel: "noreferrer", target: "_blank" }, page.replace("https://", ""))]);
  if (adaptations.length) lines.push(["Learned from refusals", adaptations.join("; ")]);
  find("detail-about").replaceChildren(
    ...lines.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
}

/** @param {string} name */
export async function models(name) {
  const home = find("detail-models");
  const line = /** @type {HTMLElement} */ (home.querySelector("p"));
  try {
    const { models: all } = await ask("api/providers/models");
    const own = Object.keys(all).filter((model) => all[model].includes(name));
    const cut = own.length > MODELS ? `; the first ${MODELS} are shown` : "";
    say(line, own.length ? `${own.length} in its last list${cut}.` : "No model list has been read yet.");
    const items = own.slice(0, MODELS).map((model) =>
      make("li", {}, make("a", { class: "foreign", href: `#model=${encodeURIComponent(model)}` }, model)),
    );
    home.querySelector("ul")?.replaceChildren(...items);
  } catch (error) {
    say(line, /** @type {Error} */ (error).message);
  }
}
