// Latency as a p50 line with a band up to p95, and real calls as a line of their own; gaps stay
// gaps. The library comes with the first chart.

import { server } from "./clock.js";
import { find, make, say } from "./dom.js";
import { maintenanceOf } from "./maintenance.js";
import { tableOf } from "./table.js";
import uPlot from "./vendor/uPlot.min.js";
import * as words from "./words.js";

/** @typedef {import("./types").Latency} Latency */
/** @typedef {(number | null)[]} Column */

const HEIGHT = 230;
/**
 * Columns for uPlot: seconds, p50, p95, failures, median of real calls; null wherever nothing is
 * known.
 * @param {Latency} latency
 * @returns {[number[], Column, Column, Column, Column]}
 */
export function columns({ hours, size, points, calls }) {
  const last = Math.floor(server.now() / 1000 / size);
  const first = Math.floor((server.now() / 1000 - hours * 3600) / size);
  const number = (/** @type {{timestamp: string}} */ p) =>
    Math.round(Date.parse(p.timestamp) / 1000 / size);
  const found = new Map(points.map((p) => [number(p), p]));
  const called = new Map(calls.map((p) => [number(p), p]));
  const numbers = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  const column = (/** @type {(point: import("./types").Point) => number | null} */ value) =>
    numbers.map((n) => {
      const point = found.get(n);
      return point ? value(point) : null;
    });
  return [
    numbers.map((n) => (n + 0.5) * size),
    column((p) => p.latency_ms.p50),
    column((p) => p.latency_ms.p95),
    column((p) => p.failures),
    numbers.map((n) => called.get(n)?.latency_p50_ms ?? null),
  ];
}

/** @type {any} */
let plot = null;

/** @param {Latency} latency */
export async function draw(latency) {
  const home = find("chart");
  const data = columns(latency);
  const [times, p50, p95, , called] = data;
  const lines = latency.calls.length ? [times, p50, p95, called] : [times, p50, p95];
  plot?.destroy();
  home.replaceChildren();
  plot = new uPlot(options(home, latency, data), lines, home);
  const away = latency.away
    ? ` The cluster's hub cannot be used (${latency.away}): only this tracker's own history is shown.`
    : "";
  say(find("chart-says"), sentence(latency) + away);
}

export function resize() {
  if (plot) plot.setSize({ width: find("chart").clientWidth, height: HEIGHT });
}

export function close() {
  plot?.destroy();
  plot = null;
}

/** @param {Latency} latency */
function sentence({ name, hours, size, points, calls }) {
  const answered = points.filter((p) => p.latency_ms.p50 !== null);
  const failures = points.reduce((sum, p) => sum + p.failures, 0);
  const failed = failures ? `${words.many(failures, "check")} failed` : "no checks failed";
  const now = server.now();
  const care = maintenanceOf(name, now - hours * 3_600_000, now).length ? "; grey is maintenance" : "";
  if (!answered.length) return `No successful check in this time; ${failed}${care}.`;
  const least = Math.min(...answered.map((p) => p.latency_ms.min ?? Infinity));
  const most = Math.max(...answered.map((p) => p.latency_ms.max ?? 0));
  const marks = failures ? "; marks at the foot are failures" : "";
  const dashed = calls.length ? "; the dashed line is the median of real calls" : "";
  return `From ${words.ms(least)} to ${words.ms(most)}; ${failed}. Each point is ${words.span(size)}: the line is p50, the band reaches to p95${marks}${dashed}${care}.`;
}

/**
 * @param {HTMLElement} home
 * @param {Latency} latency
 * @param {ReturnType<typeof columns>} data
 */
function options(home, { name, hours, calls }, data) {
  const ink = colour("--quiet");
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: "11px system-ui, sans-serif" };
  const at = teller(hours);
  const value = (/** @type {unknown} */ _, /** @type {number | null} */ raw) => words.ms(raw);
  const main = colour("--healthy");
  const known = [data[1], data[4]].some((column) => column.some((each) => each !== null));
  return {
    width: home.clientWidth,
    height: HEIGHT,
    scales: {
      x: { range: [data[0][0], data[0].at(-1)] },
      y: { range: (/** @type {unknown} */ _, /** @type {unknown} */ __, /** @type {number} */ most) => [0, most * 1.08 || 100] },
    },
    cursor: { y: false, points: { size: 6 } },
    series: [
      {
        label: "time",
        value: (/** @type {unknown} */ _, /** @type {number | null} */ raw) =>
          raw === null ? words.NOTHING : at(raw * 1000),
      },
      { label: "p50", stroke: main, width: 2, value, points: { size: 4, fill: main } },
      { label: "p95", stroke: colour("--band-line"), width: 1, value, points: { size: 3 } },
      ...(calls.length ? [{ label: "real calls", stroke: colour("--calls"), width: 2, dash: [6, 4], value, points: { show: true, size: 5 } }] : []),
    ],
    bands: [{ series: [2, 1], fill: colour("--band") }],
    axes: [
      {
        ...axis,
        space: hours > 24 ? 90 : 60,
        values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map((s) => at(s * 1000)),
      },
      { ...axis, size: 64, values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map((s) => (known ? words.ms(s) : "")) },
    ],
    hooks: { drawClear: [(/** @type {any} */ drawn) => maintenanceBands(drawn, name)], draw: [(/** @type {any} */ drawn) => failureMarks(drawn, data)] },
  };
}

/** How a moment is told beside others of so long a time. @param {number} hours */
function teller(hours) {
  if (hours > 168) return words.date;
  return hours > 24 ? words.dayAndClock : words.clock;
}

/**
 * @param {any} drawn
 * @param {string} name
 */
function maintenanceBands(drawn, name) {
  const { ctx, bbox } = drawn;
  const { min, max } = drawn.scales.x;
  ctx.save();
  ctx.fillStyle = colour("--empty");
  ctx.globalAlpha = 0.5;
  for (const { start, end } of maintenanceOf(name, min * 1000, max * 1000)) {
    const [from, to] = [Math.max(start / 1000, min), Math.min(end / 1000, max)].map((at) => drawn.valToPos(at, "x", true));
    ctx.fillRect(from, bbox.top, Math.max(to - from, 1), bbox.height);
  }
  ctx.restore();
}

/**
 * @param {any} drawn
 * @param {ReturnType<typeof columns>} data
 */
function failureMarks(drawn, [times, , , failures]) {
  const { ctx, bbox } = drawn;
  ctx.save();
  ctx.fillStyle = colour("--down");
  failures.forEach((count, place) => {
    if (!count) return;
    const x = drawn.valToPos(times[place], "x", true);
    ctx.fillRect(
      x - uPlot.pxRatio * 1.5,
      bbox.top + bbox.height - uPlot.pxRatio * 9,
      uPlot.pxRatio * 3,
      uPlot.pxRatio * 9,
    );
  });
  ctx.restore();
}

/**
 * A colour of the style sheet as the canvas wants it: with light-dark() worked out.
 * @param {string} name
 */
function colour(name) {
  const probe = find("chart");
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.style.color = "";
  return found;
}

/** @param {Latency} latency */
export function table({ points, hours }) {
  const at = teller(hours);
  const rows = points.map((p) => {
    const { p50, p95 } = p.latency_ms;
    const cells = [p.checks, p.failures, words.ms(p50), words.ms(p95), words.percent(p.uptime_percent)];
    const first = make("th", { scope: "row" }, at(p.timestamp));
    return make("tr", {}, first, ...cells.map((text) => make("td", {}, String(text))));
  });
  return tableOf(["from", "checks", "failed", "p50", "p95", "uptime"], rows.reverse());
}
