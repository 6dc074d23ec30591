// Draws the state: with the next frame, and of many providers not more often than can be read.

import { server } from "./clock.js";
import { find, hide, say } from "./dom.js";
import { Counts, showBest, showEmpty, showTitle } from "./glance.js";
import { List } from "./list.js";
import { readMaintenance, showMaintenance } from "./maintenance.js";
import { countStatuses, matches, ordered } from "./order.js";
import { Past } from "./past.js";
import { AXIS } from "./row.js";

/** @typedef {import("./state.js").State} State */

const MANY = 1_000; // providers: sorting them takes longer than a frame
const CALM = 1_000; // ms between two orders of so many
const REREAD = 600_000; // ms between two readings of the strips
const YOUNG = 7_200; // seconds: with no more data than that, an hour fills the strips better
const FRAMELESS = 500; // ms: a page that is or gets hidden has no frames, but its title should still tell

/** @param {boolean} offered whether a hub keeps more than a week */
function offerMonths(offered) {
  const months = /** @type {NodeListOf<HTMLOptionElement>} */ (find("span").querySelectorAll(".month"));
  for (const option of months) option.hidden = option.disabled = !offered;
}

/** @param {string} why the hub is not in the strips; empty where it is */
function showAway(why) {
  hide(find("hub-away"), why === "");
  say(find("hub-away"), `The cluster's hub cannot be used (${why}): only this tracker's own history is shown.`);
}

export class Screen {
  /** @type {Counts} */
  #counts = new Counts(() => this.soon(true));
  #past = new Past(
    (names) => this.#arrived(names),
    (why) => showAway(why),
  );
  #due = false;
  #moved = false; // the order, or who is seen, may be another
  #ordered = 0; // when they were last put in order
  #read = Date.now();
  #newest = 0;
  #lost = false;
  #shown = false;

  /** @param {State} state */
  constructor(state) {
    this.state = state;
    this.list = new List(state.providers, this.#past, (name) => this.#placeOf(name));
    const span = /** @type {HTMLSelectElement} */ (find("span"));
    span.addEventListener("change", () => this.#show(Number(span.value)));
  }

  /**
   * Draw with the next frame, or a little later where none comes.
   * @param {boolean} reorder the order, or who is seen, may be another
   */
  soon(reorder) {
    this.#moved ||= reorder;
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#flush());
    setTimeout(() => this.#flush(), FRAMELESS); // whichever comes first
  }

  /** What came meanwhile was not seen: read it. */
  reread() {
    this.#read = Date.now();
    this.#past.forgetAll();
    this.#drawStrips();
  }

  /** Call once a second. */
  tick() {
    for (const row of this.list.rows) row.tick();
    readMaintenance(() => this.#drawStrips());
    showMaintenance();
    if (this.#moved) this.soon(false);
    if (this.#past.newest !== this.#newest) this.#drawStrips();
    if (Date.now() - this.#read > REREAD) this.reread();
  }

  /** @param {boolean} lost */
  setLost(lost) {
    if (lost === this.#lost) return;
    this.#lost = lost;
    this.soon(false);
  }

  #flush() {
    if (!this.#due) return;
    const began = performance.now();
    this.#due = false;
    if (!this.#shown) this.#chooseSpan();
    const touched = this.state.takeTouched();
    this.#patch(touched);
    this.#moved ||= touched.size > 0;
    if (this.#moved && this.#mayOrder()) this.#order();
    offerMonths(this.state.hub);
    const { best, providers } = this.state;
    const counts = countStatuses(providers.values());
    this.#counts.update(counts);
    if (best) showBest(best, providers.size);
    showTitle(counts, best, this.#lost);
    if (!this.#shown && providers.size) performance.mark("shown");
    this.#shown ||= providers.size > 0;
    performance.measure("update", { start: began, end: performance.now() });
    performance.clearMeasures("update"); // observers have it; a page open for weeks keeps none
  }

  /** A tracker that has just begun has nothing to show of the day. */
  #chooseSpan() {
    const since = [...this.state.providers.values()].map((each) => each.checked_since ?? 0);
    const known = since.filter((at) => at > 0);
    if (!since.length || known.length < since.length) return;
    if (server.now() / 1000 - Math.min(...known) > YOUNG) return;
    /** @type {HTMLSelectElement} */ (find("span")).value = "1";
    this.#show(1);
  }

  /** @param {Set<string>} touched */
  #patch(touched) {
    const { providers, gone } = this.state;
    for (const name of gone) {
      this.list.forget(name);
      this.#past.forget(name);
    }
    gone.clear();
    for (const name of touched) {
      const provider = providers.get(name);
      if (!provider) continue;
      this.#past.note(provider);
      this.list.row(name)?.update(provider);
    }
  }

  #mayOrder() {
    return this.state.providers.size < MANY || performance.now() - this.#ordered > CALM;
  }

  #order() {
    this.#moved = false;
    this.#ordered = performance.now();
    const { providers, places, best } = this.state;
    const order = /** @type {HTMLSelectElement} */ (find("order")).value;
    const text = /** @type {HTMLInputElement} */ (find("filter")).value.trim().toLowerCase();
    const filter = { text, statuses: this.#counts.chosen };
    const seen = ordered(providers.values(), order, places).filter((each) => matches(each, filter));
    this.list.show(seen.map(({ name }) => name));
    if (best) showEmpty(seen.length, providers.size);
  }

  /** @param {string} name */
  #placeOf(name) {
    return this.state.places.get(name) ?? null;
  }

  /** @param {number} hours */
  #show(hours) {
    this.#past.show(hours);
    showAway("");
    say(find("axis-from"), AXIS[hours]);
    this.#drawStrips();
  }

  #drawStrips() {
    this.#newest = this.#past.newest;
    for (const row of this.list.rows) row.draw();
  }

  /** @param {string[]} names */
  #arrived(names) {
    const now = server.now();
    this.#newest = Math.floor(now / 1000 / this.#past.resolution);
    for (const name of names) this.list.row(name)?.draw();
  }
}
