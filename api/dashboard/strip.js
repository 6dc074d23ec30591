// Cells as one small drawing: one path a kind, so that many rows stay light. A cell's red is the
// share of its checks that failed; kinds differ in form as well as in colour. Arrow keys and the
// pointer walk it, the tooltip tells the cell.

import { server } from "./clock.js";
import { draw, find, hide, put, say } from "./dom.js";
import { wasMaintained } from "./maintenance.js";
import { dayAndClock, instant, many, moment, ms, percent } from "./words.js";

/** @typedef {import("./types").Cell} Cell */
/** @typedef {import("./past.js").Past} Past */

const HEIGHT = 24;
const CARE = 3; // of 24: the line below the cells in which there was maintenance
const WIDTH = 4;
const LEAST = 4; // of 24: one failure among hundreds must still be seen
const DAY = 86_400_000; // ms
const tip = find("tip");

/** @type {Record<string, (at: number, last: number) => number>} */
const STEPS = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  PageUp: (at) => at - 10,
  PageDown: (at) => at + 10,
  Home: () => 0,
  End: (_, last) => last,
};

/**
 * The boxes of a cell: class, top and bottom, left and right of the four units.
 * @param {Cell} cell
 * @returns {[string, number, number, number, number][]}
 */
export function boxes({ kind, share }) {
  if (kind === "up") return [["up", 0, HEIGHT, 0.4, 3.6]];
  if (kind === "slow") return [["slow", 0, HEIGHT, 1.3, 2.7]];
  if (kind === "limited") return [["limited", 14, HEIGHT, 0.4, 3.6]];
  if (kind === "none") return [["none", 21, 23, 0.4, 3.6]];
  const red = share === 1 ? HEIGHT : Math.min(20, Math.max(LEAST, Math.round(share * HEIGHT)));
  if (red === HEIGHT) return [["down", 0, HEIGHT, 0.4, 3.6]];
  return [
    ["down", 0, red, 0.4, 3.6],
    ["up", red + 1, HEIGHT, 0.4, 3.6],
  ];
}

export class Strip {
  /** @type {Cell[]} */
  #cells = [];
  #drawn = "";
  /** @type {Map<string, Element>} */
  #paths = new Map();
  #cursor = draw("rect", { class: "cursor", width: String(WIDTH), height: String(HEIGHT) });
  #at = Infinity;

  /**
   * @param {SVGElement} svg
   * @param {Past} past
   * @param {string} name whose past it is
   */
  constructor(svg, past, name) {
    this.svg = svg;
    this.past = past;
    this.name = name;
    svg.append(this.#cursor);
    svg.addEventListener("pointermove", (event) => this.#point(event));
    svg.addEventListener("pointerleave", () => this.#leave());
    svg.addEventListener("focus", () => this.#go(this.#at));
    svg.addEventListener("blur", () => this.#leave());
    svg.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {Cell[]} cells */
  draw(cells) {
    this.#cells = cells;
    put(this.svg, "viewBox", `0 0 ${cells.length * WIDTH} ${HEIGHT}`);
    put(this.svg, "aria-valuemax", String(cells.length));
    this.#aim(this.#at);
    const care = cells.map((cell) => wasMaintained(this.name, ...this.#times(cell)));
    const drawn = cells.map(({ kind, share, held }, at) => `${kind[0]}${share}${held}${care[at]}`).join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    /** @type {Map<string, string>} */
    const paths = new Map();
    cells.forEach((cell, place) => {
      for (const [kind, top, bottom, left, right] of boxes(cell)) {
        const key = cell.held ? `${kind} held` : kind;
        const box = `M${place * WIDTH + left} ${top}h${right - left}v${bottom - top}h${left - right}z`;
        paths.set(key, (paths.get(key) ?? "") + box);
      }
      if (care[place]) {
        const line = `M${place * WIDTH} ${HEIGHT - CARE}h${WIDTH}v${CARE}h${-WIDTH}z`;
        paths.set("care", (paths.get("care") ?? "") + line);
      }
    });
    for (const key of new Set([...paths.keys(), ...this.#paths.keys()])) {
      put(this.#path(key), "d", paths.get(key) ?? "");
    }
  }

  /** @param {string} key */
  #path(key) {
    const known = this.#paths.get(key);
    if (known) return known;
    const path = this.svg.insertBefore(draw("path", { class: key }), this.#cursor);
    this.#paths.set(key, path);
    return path;
  }

  get #last() {
    return Math.max(0, this.#cells.length - 1);
  }

  /**
   * From when to when a cell is.
   * @param {Cell} cell
   * @returns {[number, number]}
   */
  #times({ number }) {
    const size = this.past.resolution * 1000;
    return [number * size, (number + 1) * size];
  }

  /** @param {number} place */
  #says(place) {
    const cell = this.#cells[place];
    if (!cell) return "not loaded yet";
    const [from, to] = this.#times(cell);
    const size = to - from;
    let tell = size < 60_000 ? (/** @type {number} */ at) => instant(at, at) : dayAndClock;
    if (size >= DAY) tell = (at) => moment(at, server.now());
    const care = wasMaintained(this.name, from, to) ? ", in maintenance" : "";
    return `${tell(from)} to ${tell(to)}: ${whatOf(cell)}${care}`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.#go(step(Math.min(this.#at, this.#last), this.#last));
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const box = this.svg.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * this.#cells.length);
    this.#show(Math.min(this.#last, Math.max(0, place)));
  }

  /** @param {number} place */
  #go(place) {
    this.#at = this.#aim(place);
    if (this.svg.matches(":focus-visible")) this.#show(this.#at);
  }

  /** @param {number} place */
  #aim(place) {
    const at = Math.min(this.#last, Math.max(0, place));
    put(this.svg, "aria-valuenow", String(at + 1));
    put(this.svg, "aria-valuetext", this.#says(at));
    return at;
  }

  /** @param {number} place */
  #show(place) {
    put(this.#cursor, "x", String(place * WIDTH));
    this.svg.classList.add("walked");
    say(tip, this.#says(place));
    hide(tip, false);
    const box = this.svg.getBoundingClientRect();
    const middle = box.left + (box.width * (place + 0.5)) / this.#cells.length;
    const half = tip.offsetWidth / 2 + 8;
    tip.style.left = `${Math.min(innerWidth - half, Math.max(half, middle))}px`;
    tip.style.top = `${box.top - tip.offsetHeight - 6}px`;
  }

  #leave() {
    this.svg.classList.remove("walked");
    hide(tip, true);
  }
}

/** @type {Record<string, string>} */
const WORDS = {
  up: "no failure",
  slow: "slow",
  failing: "failures",
  limited: "limited, or the tracker's own fault: not counted",
  none: "nothing known",
};

/** @param {Cell} cell */
function whatOf({ kind, share, held, counts }) {
  if (held) return `no check was due; the previous one: ${WORDS[kind]}`;
  if (kind === "none") return WORDS.none;
  const { checks, failures, up, sum, p95 } = counts;
  const parts = [`${many(checks, "check")}, ${WORDS[kind]}`];
  if (kind === "failing")
    parts[0] = `${many(checks, "check")}, ${failures} failed (${percent(share * 100)})`;
  if (up) parts.push(`average ${ms(sum / up)}`);
  if (p95 !== null) parts.push(`p95 ${ms(p95)}`);
  return parts.join(", ");
}
