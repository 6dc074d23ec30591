// How values are written for people. Pure: no DOM, and the time is an argument.

/** @typedef {import("./types").Status} Status */
/** @typedef {import("./types").Provider} Provider */

/** @type {Status[]} */
export const STATUSES = ["healthy", "degraded", "down", "unknown"];
export const NOTHING = "–"; // an unknown value is never shown as 0 or 100

// Whose fault it is, and what happened, by outcome kind.
/** @type {Record<string, [string, string]>} */
const OUTCOMES = {
  ok: ["", "answers"],
  slow: ["", "answers slowly"],
  rate_limited: ["our quota", "the rate limit is reached"],
  quota_exhausted: ["our quota", "it is used up"],
  auth: ["our key", "it was refused"],
  timeout: ["them or the network", "no answer in time"],
  dns: ["the network", "the name cannot be resolved"],
  connect: ["the network", "no connection"],
  tls: ["the network", "no trusted TLS connection"],
  server: ["their fault", "server error"],
  overloaded: ["their fault", "overloaded"],
  blocked: ["their firewall", "it blocked us"],
  not_found: ["the model", "it does not exist, or our account may not use it"],
  bad_response: ["their fault", "the answer does not have the API's format"],
  request: ["our check", "rejected as invalid"],
  internal: ["the tracker", "its own fault, not counted against the provider"],
};

// Control characters (ANSI codes start with one) and marks that change the writing direction.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from others made safe to show: invisible characters with an effect become a visible one.
 * @param {string} text
 */
export const plain = (text) => text.replace(UNSEEN, "\ufffd");

/** @param {string | null} kind */
export const whose = (kind) => OUTCOMES[kind ?? ""]?.[0] ?? "";

const SENTENCE = 3; // words: an error text longer than this needs no words of ours before it

/**
 * The cause in words, and what the provider said.
 * @param {string | null} kind
 * @param {string} error
 */
export function cause(kind, error) {
  const [fault, what] = OUTCOMES[kind ?? ""] ?? ["", kind ?? "never checked"];
  const alone = error.split(" ").length > SENTENCE || error.toLowerCase().startsWith(what);
  const said = error && !alone ? `${what}: ${error}` : error || what;
  return capital(fault ? `${fault}: ${said}` : said);
}

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * @param {number} count
 * @param {string} noun
 */
export const many = (count, noun) => `${amount(count)} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Why a provider has its status; the cause first. Empty when all is well.
 * @param {Provider} provider
 */
export function why({ status, outcome, error, failures, reason }) {
  if (reason) return capital(reason);
  if (status === "healthy" || outcome === null) return "";
  const row = failures > 1 ? ` (${failures} checks in a row)` : "";
  return cause(outcome, error) + row;
}

/**
 * The shape for a provider, and the word next to it.
 * @param {{enabled: boolean, status: Status, stale: boolean}} provider
 */
export function look(provider) {
  if (!provider.enabled) return ["off", "off"];
  return [provider.status, provider.stale ? "stale" : provider.status];
}

/** @param {number | null | undefined} value */
export function ms(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value < 10 && value % 1 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** @param {number | null | undefined} value */
export function percent(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value === 100 || value === 0) return `${value} %`;
  return `${Number(Math.min(99.99, Math.max(0.01, value)).toFixed(2))} %`; // 99.996 must not become 100
}

/** @param {number | null | undefined} value */
export function amount(value) {
  if (value === null || value === undefined) return NOTHING;
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

/** @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 36000) {
    const minutes = Math.floor((s % 3600) / 60);
    return `${Math.floor(s / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

/**
 * A window or interval for people: exact, in the largest unit that divides it.
 * @param {number | null} seconds
 */
export function span(seconds) {
  if (seconds === null) return NOTHING;
  /** @type {[number, string][]} */
  const units = [
    [86400, "day"],
    [3600, "h"],
    [60, "min"],
  ];
  const [size, unit] = units.find(([size]) => seconds >= size && seconds % size === 0) ?? [1, "s"];
  const count = seconds / size;
  return `${Number(count.toFixed(2))} ${unit}${unit === "day" && count !== 1 ? "s" : ""}`;
}

/**
 * @param {number} at ms
 * @param {number} now ms
 */
export function ago(at, now) {
  const seconds = (now - at) / 1000;
  return seconds < 1 ? "just now" : `${duration(seconds)} ago`;
}

/**
 * @param {number} at ms
 * @param {number} now ms
 */
export function until(at, now) {
  const left = (at - now) / 1000;
  if (left >= 1) return `next in ${duration(left)}`;
  return left > -5 ? "checking" : `${duration(-left)} late`;
}

/**
 * @param {string} text about a model
 * @param {string | null} day announced for its end, as 2026-08-16
 */
export function withEnd(text, day) {
  if (!day) return text;
  return text ? `${text.replace(/\.$/, "")}; will be switched off on ${day}.` : `Will be switched off on ${day}.`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTES = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @typedef {number | string} Moment ms, or RFC 3339 */

/** @param {Moment} at */
export const clock = (at) => MINUTES.format(new Date(at));

/** @param {Moment} at */
export const dayAndClock = (at) => `${DAY.format(new Date(at)).slice(0, 3)} ${clock(at)}`;

/** @param {Moment} at */
export const date = (at) => `${DATE.format(new Date(at))} ${clock(at)}`;

/**
 * The time of day to the minute; with the day when it is not today.
 * @param {Moment} at
 * @param {number} now
 */
export function moment(at, now) {
  const date = new Date(at);
  if (DAY.format(date) === DAY.format(now)) return clock(at);
  const near = Math.abs(date.getTime() - now) < 6 * 86_400_000;
  return near ? dayAndClock(at) : `${DAY.format(date)} ${clock(at)}`;
}

/**
 * The same to the second.
 * @param {Moment} at
 * @param {number} now
 */
export function instant(at, now) {
  const date = new Date(at);
  return DAY.format(date) === DAY.format(now) ? CLOCK.format(date) : moment(at, now);
}
