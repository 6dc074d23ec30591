// The last stretch of time as 90 cells a provider: read once, then carried on by live checks.

import { ask, server } from "./feed.js";

export const CELLS = 90;
const SUCCESSES = new Set(["ok", "slow"]);
const UNCOUNTED = new Set(["rate_limited", "quota_exhausted", "request", "internal"]);
const HOLDS = 1.5; // intervals that a result speaks for: checks jitter

const nothing = () => ({ checks: 0, up: 0, failures: 0, sum: 0, p95: null });

export class Past {
  #buckets = new Map(); // provider -> Map(cell number -> counts)
  #seen = new Map(); // provider -> its last check that is in them
  hours = 24;

  /** Seconds a cell stands for. */
  get resolution() {
    return (this.hours * 3600) / CELLS;
  }

  get newest() {
    return Math.floor(server.now() / 1000 / this.resolution);
  }

  /** Seconds since the oldest check that is known. */
  get age() {
    const oldest = [...this.#buckets.values()].map((cells) => Math.min(...cells.keys()));
    return (this.newest - Math.min(...oldest, this.newest)) * this.resolution;
  }

  async load(hours) {
    const resolution = (hours * 3600) / CELLS;
    const found = await ask(`api/providers/history?hours=${hours}&resolution=${resolution}`);
    this.hours = hours;
    this.#buckets.clear();
    for (const [name, points] of Object.entries(found.providers)) {
      this.#buckets.set(name, new Map(points.map((point) => this.#read(point))));
    }
  }

  #read({ timestamp, checks, failures, uptime_percent: uptime, latency_ms: latency }) {
    const cell = Math.round(Date.parse(timestamp) / 1000 / this.resolution);
    let up = 0;
    if (uptime === 100) up = checks;
    else if (uptime > 0) up = Math.max(1, Math.round((failures * uptime) / (100 - uptime)));
    return [cell, { checks, up, failures, sum: (latency.avg ?? 0) * up, p95: latency.p95 }];
  }

  /** Counts a check that came live; true if the cells changed. */
  note(provider) {
    const { provider_name: name, last_check: at, outcome } = provider;
    const seen = this.#seen.get(name);
    this.#seen.set(name, at);
    if (seen === undefined || at === null || at === seen) return false;
    const cells = this.#buckets.get(name) ?? new Map();
    this.#buckets.set(name, cells);
    const number = Math.floor(Date.parse(at) / 1000 / this.resolution);
    const cell = cells.get(number) ?? nothing();
    cell.checks += 1;
    if (SUCCESSES.has(outcome)) {
      cell.up += 1;
      cell.sum += provider.response_time_ms ?? 0;
    } else if (!UNCOUNTED.has(outcome)) cell.failures += 1;
    cell.p95 = null;
    cells.set(number, cell);
    return true;
  }

  forget(name) {
    this.#buckets.delete(name);
    this.#seen.delete(name);
  }

  /** 90 cells, oldest first. held: nothing was checked in it, the result before still stood. */
  cells(name, interval) {
    const known = this.#buckets.get(name);
    const first = this.newest - CELLS + 1;
    const holds = Math.ceil((interval * HOLDS) / this.resolution);
    let last = null;
    return Array.from({ length: CELLS }, (_, place) => {
      const number = first + place;
      const counts = known?.get(number);
      if (counts) last = { number, kind: kindOf(counts) };
      const held = !counts && last !== null && number - last.number <= holds;
      const kind = counts || held ? last.kind : "none";
      return { number, kind, held, counts: counts ?? nothing() };
    });
  }
}

function kindOf({ up, failures }) {
  if (failures === 0) return up ? "up" : "limited";
  return up ? "partly" : "down";
}
