// 90 cells as one small drawing: one path a kind, so that 300 rows stay light. Kinds differ in
// height as well as in colour. Arrow keys and the pointer walk it, the tooltip tells the cell.

import { find, put, say } from "./dom.js";
import { CELLS } from "./past.js";
import { dayAndClock, moment, ms } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 4;
const SHAPES = {
  up: [["up", 5, 24]],
  partly: [
    ["up", 13, 24],
    ["down", 0, 12],
  ],
  down: [["down", 0, 24]],
  limited: [["limited", 12, 24]],
  none: [["none", 21, 23]],
};
const WORDS = {
  up: "no failure",
  partly: "some checks failed",
  down: "every check failed",
  limited: "limited, or our own fault: not counted",
  none: "nothing known",
};

const tip = find("tip");
const steps = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  PageUp: (at) => at - 10,
  PageDown: (at) => at + 10,
  Home: () => 0,
  End: () => CELLS - 1,
};

export class Strip {
  #cells = [];
  #drawn = "";
  #paths = new Map();
  #cursor;
  #at = CELLS - 1;

  constructor(svg, resolution) {
    this.svg = svg;
    this.resolution = resolution; // () => seconds a cell
    this.#cursor = svg.appendChild(document.createElementNS(SVG, "rect"));
    put(this.#cursor, "class", "cursor");
    put(this.#cursor, "width", String(WIDTH));
    put(this.#cursor, "height", "24");
    svg.addEventListener("pointermove", (event) => this.#point(event));
    svg.addEventListener("pointerleave", () => this.#leave());
    svg.addEventListener("focus", () => this.#go(this.#at));
    svg.addEventListener("blur", () => this.#leave());
    svg.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(cells) {
    this.#cells = cells;
    const drawn = cells.map((cell) => cell.kind[0] + (cell.held ? "h" : "")).join();
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const paths = new Map();
    cells.forEach((cell, place) => {
      for (const [kind, top, bottom] of SHAPES[cell.kind]) {
        const key = cell.held ? `${kind} held` : kind;
        const box = `M${place * WIDTH + 0.4} ${top}h3.2v${bottom - top}h-3.2z`;
        paths.set(key, (paths.get(key) ?? "") + box);
      }
    });
    for (const key of new Set([...paths.keys(), ...this.#paths.keys()])) {
      put(this.#path(key), "d", paths.get(key) ?? "");
    }
    put(this.svg, "aria-valuetext", this.#says(this.#at));
    put(this.svg, "aria-valuenow", String(this.#at + 1));
  }

  #path(key) {
    if (!this.#paths.has(key)) {
      const path = this.svg.insertBefore(document.createElementNS(SVG, "path"), this.#cursor);
      put(path, "class", key);
      this.#paths.set(key, path);
    }
    return this.#paths.get(key);
  }

  #says(place) {
    const cell = this.#cells[place];
    if (!cell) return "not read yet";
    const from = cell.number * this.resolution() * 1000;
    const to = from + this.resolution() * 1000;
    const tell = this.resolution() < 60 ? (at) => moment(at, at) : dayAndClock;
    return `${tell(from)} to ${tell(to)}: ${whatOf(cell)}`;
  }

  #key(event) {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.#go(Math.min(CELLS - 1, Math.max(0, step(this.#at))));
  }

  #point(event) {
    const box = this.svg.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * CELLS);
    this.#show(Math.min(CELLS - 1, Math.max(0, place)));
  }

  #go(place) {
    this.#at = place;
    put(this.svg, "aria-valuenow", String(place + 1));
    put(this.svg, "aria-valuetext", this.#says(place));
    if (this.svg.matches(":focus-visible")) this.#show(place);
  }

  #show(place) {
    put(this.#cursor, "x", String(place * WIDTH));
    this.svg.classList.add("walked");
    say(tip, this.#says(place));
    tip.hidden = false;
    const box = this.svg.getBoundingClientRect();
    const middle = box.left + (box.width * (place + 0.5)) / CELLS;
    const half = tip.offsetWidth / 2 + 8;
    tip.style.left = `${Math.min(innerWidth - half, Math.max(half, middle))}px`;
    tip.style.top = `${box.top - tip.offsetHeight - 6}px`;
  }

  #leave() {
    this.svg.classList.remove("walked");
    tip.hidden = true;
  }
}

function whatOf({ kind, held, counts }) {
  if (held) return `no check was due; the one before: ${WORDS[kind]}`;
  if (kind === "none") return WORDS.none;
  const { checks, failures, up, sum, p95 } = counts;
  const parts = [`${checks} ${checks === 1 ? "check" : "checks"}, ${WORDS[kind]}`];
  if (kind === "partly") parts[0] = `${checks} checks, ${failures} failed`;
  if (up) parts.push(`average ${ms(sum / up)}`);
  if (p95 !== null) parts.push(`p95 ${ms(p95)}`);
  return parts.join(", ");
}
