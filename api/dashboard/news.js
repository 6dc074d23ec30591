// What changed, for those who listen rather than look: told politely and not at length.

import { find, say } from "./dom.js";

/** @typedef {import("./types").Best} Best */
/** @typedef {import("./types").FeedState} FeedState */
/** @typedef {import("./state.js").Change} Change */

const SPOKEN = 3; // changes told singly; more are told as a number
const GATHER = 300; // ms: what comes together is told together

export class News {
  /** @type {string[]} */
  #lines = [];
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  /** @type {FeedState} */
  #state = "starting";
  #alarmed = false; // it was said that nothing comes

  /** @param {Change[]} changes */
  note(changes) {
    for (const { before, after } of changes)
      if (before && before.status !== after.status) this.#tell(`${after.name} is ${after.status}`);
  }

  /**
   * @param {Best | null} before
   * @param {Best} after
   */
  noteBest(before, after) {
    const name = after.best_provider;
    if (before === null || before.best_provider === name) return;
    this.#tell(name === null ? "no provider is usable" : `use ${name} now`);
  }

  /**
   * Returns whether the feed is back after something may have been missed.
   * @param {FeedState} next
   */
  turn(next) {
    const back = next === "live" && this.#state !== "starting" && this.#state !== "live";
    this.#state = next;
    if ((next === "lost") !== this.#alarmed) {
      this.#alarmed = !this.#alarmed;
      this.#tell(this.#alarmed ? "not live: the tracker does not answer" : "live again");
    }
    return back;
  }

  /** @param {string} line */
  #tell(line) {
    this.#lines.push(line);
    if (this.#timer === null) this.#timer = setTimeout(() => this.#speak(), GATHER);
  }

  #speak() {
    this.#timer = null;
    const lines = this.#lines.splice(0);
    const text = lines.length > SPOKEN ? `${lines.length} changes` : lines.join("; ");
    say(find("announce"), `${text}.`);
  }
}
