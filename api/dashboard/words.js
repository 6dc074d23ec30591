// How values read. Pure: no DOM, no clock but the one given.

export const STATUSES = ["healthy", "degraded", "down", "unknown"];
export const NOTHING = "–"; // what is not known is never 0 or 100

// Whose fault it is, and what happened, by outcome kind.
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
  not_found: ["the model", "gone, or not ours to use"],
  bad_response: ["their fault", "the answer was not the API's"],
  request: ["our check", "refused as wrong"],
  internal: ["the tracker", "its own fault, not held against the provider"],
};

export const LIMIT_SOURCES = {
  headers: "told in the answers' headers",
  body: "told in the answers",
  estimate: "estimated from the documented limits",
  none: "the provider tells none",
};

export const KEY_STATES = {
  unknown: "not tried yet",
  ok: "works",
  refused: "refused",
  spent: "its quota is used up",
  rate_limited: "rate limited",
};

export function fault(provider) {
  const ours = provider.outcome === "request" || provider.outcome === "internal";
  if (ours && provider.status !== "unknown") return ""; // it is not why the status is what it is
  return OUTCOMES[provider.outcome]?.[0] ?? "";
}

export function outcome(kind) {
  const [whose, what] = OUTCOMES[kind] ?? ["", kind ?? "never checked"];
  return whose ? `${whose}: ${what}` : what;
}

/** The shape that stands for a provider, and the word beside it. */
export function look(provider) {
  if (!provider.enabled) return ["off", "off"];
  return [provider.status, provider.stale ? "stale" : provider.status];
}

export function ms(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value < 10 && value % 1 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function percent(value) {
  if (value === null || value === undefined) return NOTHING;
  return `${value === 100 ? "100" : value.toFixed(2)} %`;
}

export function amount(value) {
  if (value === null || value === undefined) return NOTHING;
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

/** A window or interval as people call it: exact, in the largest unit that divides it. */
export function span(seconds) {
  if (seconds === null) return NOTHING;
  const units = [
    [86400, "day"],
    [3600, "h"],
    [60, "min"],
  ];
  const [size, unit] = units.find(([size]) => seconds >= size && seconds % size === 0) ?? [1, "s"];
  const count = seconds / size;
  return `${Number(count.toFixed(2))} ${unit}${unit === "day" && count !== 1 ? "s" : ""}`;
}

export function since(at, now) {
  const seconds = (now - Date.parse(at)) / 1000;
  return seconds < 1 ? "just now" : `${duration(seconds)} ago`;
}

export function until(at, now) {
  const left = (Date.parse(at) - now) / 1000;
  if (left >= 1) return `next in ${duration(left)}`;
  return left > -5 ? "due now" : `${duration(-left)} late`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTES = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

/** The time of day; with the day, and to the minute, where that is another. */
export function moment(at, now) {
  const date = new Date(at);
  if (DAY.format(date) === DAY.format(now)) return CLOCK.format(date);
  return Math.abs(date - now) < 6 * 86_400_000
    ? dayAndClock(at)
    : `${DAY.format(date)} ${clock(at)}`;
}

export const clock = (at) => MINUTES.format(new Date(at));
export const dayAndClock = (at) => `${DAY.format(new Date(at)).slice(0, 3)} ${clock(at)}`;
