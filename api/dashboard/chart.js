// Latency as a p50 line with a band up to p95; gaps stay gaps.

/* global uPlot */

import { find, make, say } from "./dom.js";
import { ask, server } from "./feed.js";
import * as words from "./words.js";

const HEIGHT = 230;
const POINTS = 120;
const SIZES = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];
export const SPANS = new Map([
  [1, "1 h"],
  [6, "6 h"],
  [24, "24 h"],
  [168, "7 d"],
]);

// Its script comes last, so a chart may be asked for before it is there.
const library =
  document.readyState === "complete"
    ? Promise.resolve()
    : new Promise((resolve) => addEventListener("load", resolve, { once: true }));

/** Buckets wide enough for two checks each, so that a missing one means something. */
function sizeOf(hours, interval) {
  const least = Math.max((hours * 3600) / POINTS, 2 * interval);
  return SIZES.find((size) => size >= least) ?? SIZES.at(-1);
}

export async function readLatency(name, hours, interval) {
  const size = sizeOf(hours, interval);
  const path = `api/providers/history/${encodeURIComponent(name)}?hours=${hours}&resolution=${size}`;
  const document = await ask(path);
  return { hours, size, points: document.providers[name] ?? [] };
}

/** Columns for uPlot: seconds, p50, p95, failures; null wherever nothing is known. */
export function columns({ hours, size, points }) {
  const last = Math.floor(server.now() / 1000 / size);
  const first = Math.floor((server.now() / 1000 - hours * 3600) / size);
  const found = new Map(points.map((p) => [Math.round(Date.parse(p.timestamp) / 1000 / size), p]));
  const numbers = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  const column = (value) => numbers.map((n) => (found.has(n) ? value(found.get(n)) : null));
  return [
    numbers.map((n) => (n + 0.5) * size),
    column((p) => p.latency_ms.p50),
    column((p) => p.latency_ms.p95),
    column((p) => p.failures),
  ];
}

let plot = null;

export async function draw(latency) {
  await library;
  const home = find("chart");
  const data = columns(latency);
  plot?.destroy();
  home.replaceChildren();
  plot = new uPlot(options(home, latency, data), data.slice(0, 3), home);
  say(find("chart-says"), sentence(latency));
}

export function resize() {
  if (plot) plot.setSize({ width: find("chart").clientWidth, height: HEIGHT });
}

export function close() {
  plot?.destroy();
  plot = null;
}

function sentence({ size, points }) {
  const answered = points.filter((p) => p.latency_ms.p50 !== null);
  const failures = points.reduce((sum, p) => sum + p.failures, 0);
  const failed = failures === 1 ? "1 check failed" : `${failures || "no"} checks failed`;
  if (!answered.length) return `No successful check in this time; ${failed}.`;
  const least = Math.min(...answered.map((p) => p.latency_ms.min));
  const most = Math.max(...answered.map((p) => p.latency_ms.max));
  return `From ${words.ms(least)} to ${words.ms(most)}; ${failed}. Each point is ${words.span(size)}: the line is p50, the band reaches to p95${failures ? "; marks at the foot are failures" : ""}.`;
}

function options(home, { hours }, data) {
  const ink = colour("--quiet");
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: "11px system-ui, sans-serif" };
  const at = hours > 24 ? words.dayAndClock : words.clock;
  const value = (_, raw) => words.ms(raw);
  const main = colour("--healthy");
  return {
    width: home.clientWidth,
    height: HEIGHT,
    scales: {
      x: { range: [data[0][0], data[0].at(-1)] },
      y: { range: (_, __, most) => [0, most * 1.08 || 1] },
    },
    cursor: { y: false, points: { size: 6 } },
    series: [
      { label: "time", value: (_, raw) => (raw === null ? words.NOTHING : at(raw * 1000)) },
      { label: "p50", stroke: main, width: 2, value, points: { size: 4, fill: main } },
      { label: "p95", stroke: colour("--band-line"), width: 1, value, points: { size: 3 } },
    ],
    bands: [{ series: [2, 1], fill: colour("--band") }],
    axes: [
      {
        ...axis,
        space: hours > 24 ? 90 : 60,
        values: (_, splits) => splits.map((s) => at(s * 1000)),
      },
      { ...axis, size: 64, values: (_, splits) => splits.map((s) => words.ms(s)) },
    ],
    hooks: { draw: [(drawn) => failureMarks(drawn, data)] },
  };
}

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

/** A colour of the style sheet as the canvas wants it: with light-dark() worked out. */
function colour(name) {
  const probe = find("chart");
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.style.color = "";
  return found;
}

export function table({ points, hours }) {
  const at = hours > 24 ? words.dayAndClock : words.clock;
  const heads = ["from", "checks", "failed", "p50", "p95", "uptime"];
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const rows = points.map((p) => {
    const { p50, p95 } = p.latency_ms;
    const cells = [
      p.checks,
      p.failures,
      words.ms(p50),
      words.ms(p95),
      words.percent(p.uptime_percent),
    ];
    const first = make("th", { scope: "row" }, at(p.timestamp));
    return make("tr", {}, first, ...cells.map((text) => make("td", {}, String(text))));
  });
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows.reverse()));
}
