// The last stretch of time in cells, of the rows that are seen: read once, then carried on by
// live checks.

import { server } from "./clock.js";
import { ask } from "./feed.js";

/** @typedef {import("./types").Provider} Provider */
/** @typedef {import("./types").Counts} Counts */
/** @typedef {import("./types").Cell} Cell */

/** @type {Record<number, [seconds: number, cells: number]>} by hours; as the server has them */
export const SPANS = {
  1: [60, 60],
  24: [900, 96],
  168: [7_200, 84],
  720: [86_400, 30],
  2_160: [86_400, 90],
};

const SUCCESSES = new Set(["ok", "slow"]);
const UNCOUNTED = new Set(["rate_limited", "quota_exhausted", "request", "internal"]);
const HOLDS = 1.5; // intervals that a result speaks for: checks jitter
const MOST = 60; // names asked for at once
const GATHER = 60; // ms: rows that come into view together are asked for together

/** @type {() => Counts} */
const nothing = () => ({ checks: 0, up: 0, failures: 0, sum: 0, p95: null });

export class Past {
  /** @type {Map<string, Map<number, Counts>>} */
  #cells = new Map();
  /** @type {Map<string, number | null>} */
  #seen = new Map(); // the last check that is in the cells
  /** @type {Map<string, number>} */
  #slow = new Map();
  /** @type {Set<string>} */
  #wanted = new Set();
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  #hours = 24;

  /**
   * @param {(names: string[]) => void} arrived called when strips can be drawn
   * @param {(why: string) => void} away called with why the cluster's hub is not in them, or ""
   */
  constructor(arrived, away) {
    this.arrived = arrived;
    this.away = away;
  }

  get hours() {
    return this.#hours;
  }

  /** Seconds a cell stands for. */
  get resolution() {
    return SPANS[this.#hours][0];
  }

  get count() {
    return SPANS[this.#hours][1];
  }

  get newest() {
    return Math.floor(server.now() / 1000 / this.resolution);
  }

  /** @param {number} hours */
  show(hours) {
    this.#hours = hours;
    this.forgetAll();
  }

  /** What came while nobody listened is missing: whatever is seen is read again. */
  forgetAll() {
    this.#cells.clear();
    this.#seen.clear();
  }

  /** @param {string} name */
  forget(name) {
    this.#cells.delete(name);
    this.#seen.delete(name);
  }

  /**
   * Reads a row's past soon, together with that of others.
   * @param {string} name
   */
  want(name) {
    if (this.#cells.has(name) || this.#wanted.has(name)) return;
    this.#wanted.add(name);
    if (this.#timer === null) this.#timer = setTimeout(() => this.#read(), GATHER);
  }

  async #read() {
    this.#timer = null;
    const names = [...this.#wanted].slice(0, MOST);
    const hours = this.#hours;
    for (const name of names) this.#wanted.delete(name);
    if (this.#wanted.size) this.#timer = setTimeout(() => this.#read(), GATHER);
    const query = names.map((name) => `&name=${encodeURIComponent(name)}`).join("");
    try {
      const found = await ask(`dashboard/data/strips?hours=${hours}${query}`);
      if (hours !== this.#hours) return;
      this.away(found.away);
      for (const [name, { slow, cells }] of Object.entries(found.providers)) {
        this.#slow.set(name, slow);
        this.#cells.set(name, new Map(cells.map(readCell)));
      }
      this.arrived(names);
    } catch {
      // The database may be unavailable: visible rows ask again.
      setTimeout(() => this.arrived(names), 10_000);
    }
  }

  /**
   * Counts a check that came live; true if the cells changed.
   * @param {Provider} provider
   */
  note(provider) {
    const { name, last, outcome } = provider;
    const seen = this.#seen.get(name);
    this.#seen.set(name, last);
    const cells = this.#cells.get(name);
    if (seen === undefined || last === null || last === seen || !cells) return false;
    const number = Math.floor(last / this.resolution);
    const cell = cells.get(number) ?? nothing();
    cell.checks += 1;
    if (SUCCESSES.has(outcome ?? "")) {
      cell.up += 1;
      cell.sum += provider.response ?? 0;
    } else if (!UNCOUNTED.has(outcome ?? "")) cell.failures += 1;
    cell.p95 = null;
    cells.set(number, cell);
    return true;
  }

  /**
   * Oldest first; null while they are not read. held: nothing was checked in it, the result
   * before still stood.
   * @param {string} name
   * @param {number} interval seconds
   * @returns {Cell[] | null}
   */
  cells(name, interval) {
    const known = this.#cells.get(name);
    if (!known) return null;
    const first = this.newest - this.count + 1;
    const holds = Math.ceil((interval * HOLDS) / this.resolution);
    const slow = this.#slow.get(name) ?? Infinity;
    /** @type {Cell | null} */
    let last = null;
    return Array.from({ length: this.count }, (_, place) => {
      const number = first + place;
      const counts = known.get(number);
      if (counts) last = { number, ...judge(counts, slow), held: false, counts };
      const held = !counts && last !== null && number - last.number <= holds;
      if (last && (counts || held)) return { ...last, number, held, counts: counts ?? nothing() };
      return { number, kind: "none", share: 0, held: false, counts: nothing() };
    });
  }
}

/**
 * @param {[number, number, number, number | null, number | null, number | null]} cell
 * @returns {[number, Counts]}
 */
function readCell([number, checks, failures, uptime, average, p95]) {
  let up = 0;
  if (uptime === 100) up = checks;
  else if (uptime !== null && uptime > 0)
    up = Math.max(1, Math.round((failures * uptime) / (100 - uptime)));
  return [number, { checks, up, failures, sum: (average ?? 0) * up, p95 }];
}

/**
 * What a cell shows. share: of the counted checks that failed.
 * @param {Counts} counts
 * @param {number} slow ms
 * @returns {{kind: import("./types").CellKind, share: number}}
 */
export function judge({ up, failures, sum }, slow) {
  if (up + failures === 0) return { kind: "limited", share: 0 };
  if (failures) return { kind: "failing", share: failures / (up + failures) };
  return { kind: sum / up > slow ? "slow" : "up", share: 0 };
}
