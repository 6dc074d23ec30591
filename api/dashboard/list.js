// The list of all providers. Rows are made as they come near the view: the names stand in chunks,
// and a chunk far away is an empty box of the height that its rows had or are thought to have.

import { find, place, put } from "./dom.js";
import { Row } from "./row.js";

/** @typedef {import("./types").Provider} Provider */
/** @typedef {import("./past.js").Past} Past */

const SIZE = 20; // rows a chunk: less than a screen
const NEAR = "1200px"; // rows are there before they are seen, also when scrolled fast
const ROW = 62; // px, until a chunk was measured

/** @typedef {{element: HTMLElement, names: string[], near: boolean}} Chunk */

export class List {
  /** @type {Chunk[]} */
  #chunks = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {WeakMap<Element, Chunk>} */
  #chunkOf = new WeakMap();
  #height = ROW;
  #total = 0;
  #watching = new IntersectionObserver((entries) => this.#scrolled(entries), {
    rootMargin: `${NEAR} 0px`,
  });

  /**
   * @param {Map<string, Provider>} providers
   * @param {Past} past
   * @param {(name: string) => number | null} placeOf the place in the ranking
   */
  constructor(providers, past, placeOf) {
    this.home = find("list");
    this.providers = providers;
    this.past = past;
    this.placeOf = placeOf;
  }

  /** The rows that are there, seen or nearly. */
  get rows() {
    return this.#rows.values();
  }

  /** @param {string} name */
  row(name) {
    return this.#rows.get(name);
  }

  /** @param {string[]} names in order, filtered */
  show(names) {
    this.#total = names.length;
    const count = Math.ceil(names.length / SIZE);
    while (this.#chunks.length < count) this.#add();
    for (const chunk of this.#chunks.splice(count)) this.#remove(chunk);
    this.#chunks.forEach((chunk, number) => {
      chunk.names = names.slice(number * SIZE, (number + 1) * SIZE);
    });
    // A row that goes to another chunk is moved by that one; what nobody takes is dropped after.
    for (const chunk of this.#chunks) this.#fill(chunk);
    this.#tidy();
  }

  /** @param {string} name */
  forget(name) {
    this.#rows.get(name)?.element.remove();
    this.#rows.delete(name);
  }

  #add() {
    const element = document.createElement("div");
    element.className = "chunk";
    element.setAttribute("role", "presentation");
    // The first two are visible before any observer has reported it.
    const chunk = { element, names: [], near: this.#chunks.length < 2 };
    this.#chunks.push(chunk);
    this.#chunkOf.set(element, chunk);
    this.home.append(element);
    this.#watching.observe(element);
  }

  /** @param {Chunk} chunk */
  #remove(chunk) {
    this.#watching.unobserve(chunk.element);
    chunk.element.remove();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #scrolled(entries) {
    for (const { target, isIntersecting, boundingClientRect: box } of entries) {
      const chunk = this.#chunkOf.get(target);
      if (!chunk || chunk.near === isIntersecting) continue;
      if (!isIntersecting && target.contains(document.activeElement)) continue; // keeps the focus
      if (chunk.near && chunk.names.length) this.#height = box.height / chunk.names.length;
      chunk.near = isIntersecting;
      this.#fill(chunk);
    }
    this.#tidy();
  }

  /** @param {Chunk} chunk */
  #fill(chunk) {
    const { element, names, near } = chunk;
    const height = near ? "" : `${Math.round(this.#height * names.length)}px`;
    if (element.style.height !== height) element.style.height = height;
    if (!near) return; // a box without a height would lie near the view with all others
    const first = this.#chunks.indexOf(chunk) * SIZE;
    arrange(
      element,
      names.map((name, number) => this.#ready(name, first + number)),
    );
  }

  /**
   * @param {string} name
   * @param {number} number
   */
  #ready(name, number) {
    const provider = /** @type {Provider} */ (this.providers.get(name));
    let row = this.#rows.get(name);
    if (!row) {
      row = new Row(provider, this.past);
      this.#rows.set(name, row);
      row.update(provider);
    }
    row.position(this.placeOf(name));
    put(row.element, "aria-setsize", String(this.#total));
    put(row.element, "aria-posinset", String(number + 1));
    return row.element;
  }

  /** Drops the rows that no near chunk holds. */
  #tidy() {
    const kept = new Set(this.#chunks.flatMap((chunk) => (chunk.near ? chunk.names : [])));
    for (const name of [...this.#rows.keys()]) if (!kept.has(name)) this.forget(name);
  }
}

/**
 * Puts the rows in this order, moving as few as can be seen to be out of place.
 * @param {Element} home
 * @param {HTMLElement[]} elements
 */
export function arrange(home, elements) {
  let next = home.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else if (next && next.nextElementSibling === element) {
      const late = next; // one row went down: move it, not all those behind it
      next = element.nextElementSibling;
      place(home, /** @type {HTMLElement} */ (late), null);
    } else place(home, element, next);
  }
}
