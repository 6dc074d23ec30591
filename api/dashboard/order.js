// Which rows are shown, and in which order. Pure.

import { cause, look, STATUSES, why } from "./words.js";

/** @typedef {import("./types").Provider} Provider */
/** @typedef {import("./types").Best} Best */
/** @typedef {import("./types").Filter} Filter */

const WORST_FIRST = ["down", "degraded", "unknown", "healthy"];

/**
 * Where a provider stands: by name at the top, behind that by the expected time.
 * @param {Provider} provider
 * @param {Map<string, number>} places from 1
 */
function rank(provider, places) {
  const place = places.get(provider.name);
  if (place !== undefined) return place;
  return provider.usable ? 1e6 + (provider.cost ?? 1e9) : Infinity;
}

/** What cannot be used is worse than what can, and what nobody watches is no trouble. @param {Provider} p */
function worst(p) {
  if (!p.enabled) return WORST_FIRST.length;
  return WORST_FIRST.indexOf(p.status) + (p.usable ? 0.5 : 0);
}

/** @type {Record<string, (provider: Provider) => number>} */
const KEYS = {
  name: () => 0,
  status: worst,
  latency: (p) => p.response ?? Infinity,
  p95: (p) => p.p95 ?? Infinity,
  uptime: (p) => p.day ?? Infinity,
  limit: (p) => -(p.limit ?? -1),
  checked: (p) => -(p.last ?? 0),
};

/**
 * Providers in the order asked for; ties go by place in the ranking, then by name.
 * @param {Iterable<Provider>} providers
 * @param {string} order
 * @param {Map<string, number>} places
 * @returns {Provider[]}
 */
export function ordered(providers, order, places) {
  const key = KEYS[order] ?? (() => 0);
  return [...providers]
    .map((provider) => ({ provider, key: key(provider), rank: rank(provider, places) }))
    .sort(
      (a, b) =>
        compare(a.key, b.key) ||
        (order === "name" ? 0 : compare(a.rank, b.rank)) ||
        (a.provider.name < b.provider.name ? -1 : 1),
    )
    .map(({ provider }) => provider);
}

/** Infinity less Infinity is no number. @param {number} a @param {number} b */
const compare = (a, b) => (a === b ? 0 : a - b);

/**
 * Whether a row is to be seen with this filter.
 * @param {Provider} provider
 * @param {Filter} filter
 */
export function matches(provider, { text, statuses }) {
  if (statuses.size && !statuses.has(provider.status)) return false;
  if (!text) return true;
  const said = [
    provider.name,
    provider.status,
    provider.outcome ?? "",
    why(provider),
    cause(provider.outcome, provider.error),
    look(provider)[1],
  ];
  return said.join("\n").toLowerCase().includes(text);
}

/** @param {Iterable<Provider>} providers */
export function countStatuses(providers) {
  const counts = /** @type {Record<string, number>} */ (
    Object.fromEntries(STATUSES.map((status) => [status, 0]))
  );
  for (const { status } of providers) counts[status] += 1;
  return counts;
}
