// The past of one provider as its chart draws it: checks and real calls in buckets.

import { ask } from "./feed.js";

/** @typedef {import("./types").Latency} Latency */

const POINTS = 120;
const SIZES = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];
export const SPANS = new Map([
  [1, "1 h"],
  [6, "6 h"],
  [24, "24 h"],
  [168, "7 d"],
]);
export const MONTHS = new Map([
  [720, "30 d"],
  [2_160, "90 d"],
]); // where a cluster's hub keeps them

/**
 * Buckets wide enough for two checks each, so that a missing one means something.
 * @param {number} hours
 * @param {number} interval
 */
function sizeOf(hours, interval) {
  const least = Math.max((hours * 3600) / POINTS, 2 * interval);
  return SIZES.find((size) => size >= least) ?? 21600;
}

/**
 * @param {string} name
 * @param {number} hours
 * @param {number} interval
 * @returns {Promise<Latency>}
 */
export async function readLatency(name, hours, interval) {
  if (MONTHS.has(hours)) return readMonths(name, hours);
  const size = sizeOf(hours, interval);
  const path = encodeURIComponent(name);
  const calls = Math.max(size, 60); // counts of real calls are kept by the minute
  const [checks, traffic] = await Promise.all([
    ask(`api/providers/history/${path}?hours=${hours}&resolution=${size}`),
    ask(`api/providers/traffic/${path}?hours=${hours}&resolution=${calls}`),
  ]);
  return {
    name,
    hours,
    size,
    points: checks.providers[name] ?? [],
    calls: traffic.providers[name] ?? [],
    away: "",
  };
}

/**
 * @param {string} name
 * @param {number} hours
 * @returns {Promise<Latency>}
 */
async function readMonths(name, hours) {
  const path = encodeURIComponent(name);
  const found = await ask(`api/cluster/history/${path}?days=${hours / 24}`);
  const points = found.providers[name] ?? [];
  return { name, hours, size: found.resolution_seconds, points, calls: [], away: found.hub.reason };
}
