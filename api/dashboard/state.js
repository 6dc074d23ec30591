// Everything that is known of the present: rows by name, the ranking, the incidents.

/** @typedef {import("./types").Provider} Provider */
/** @typedef {import("./types").Overview} Overview */
/** @typedef {import("./types").Best} Best */
/** @typedef {{before: Provider | undefined, after: Provider}} Change */

export class State {
  /** @type {Map<string, Provider>} */
  providers = new Map();
  /** @type {Best | null} */
  best = null;
  /** @type {import("./types").Incidents | null} */
  incidents = null;
  /** @type {Map<string, number>} */
  places = new Map(); // of the top of the ranking, from 1
  hub = false; // whether more than a week of history can be asked for
  /** @type {Set<string>} */
  touched = new Set();
  /** @type {Set<string>} */
  gone = new Set();
  /** @type {(keyof Provider)[]} */
  #fields = [];

  /**
   * @param {Overview} overview
   * @returns {Change[]}
   */
  replace(overview) {
    this.#fields = overview.fields;
    const before = this.providers.size > 0;
    const changed = this.update(overview.providers);
    const names = new Set(changed.map(({ after }) => after.name));
    for (const name of this.providers.keys()) {
      if (names.has(name)) continue;
      this.providers.delete(name);
      this.gone.add(name);
    }
    this.incidents = overview.incidents;
    this.hub = overview.hub;
    this.takeBest(overview.best);
    return before ? changed : [];
  }

  /**
   * @param {unknown[][]} rows
   * @returns {Change[]}
   */
  update(rows) {
    return rows.map((row) => {
      const after = this.#read(row);
      const before = this.providers.get(after.name);
      this.providers.set(after.name, after);
      this.touched.add(after.name);
      return { before, after };
    });
  }

  /** @param {Best} best */
  takeBest(best) {
    this.best = best;
    this.places = new Map(best.order.map((name, number) => [name, number + 1]));
  }

  /** What was touched since the last time. */
  takeTouched() {
    const touched = this.touched;
    this.touched = new Set();
    return touched;
  }

  /** @param {unknown[]} row */
  #read(row) {
    const fields = this.#fields.map((field, number) => [field, row[number]]);
    return /** @type {Provider} */ (/** @type {unknown} */ (Object.fromEntries(fields)));
  }
}

export const state = new State();
