// One provider in full, addressable as #provider=NAME: asked for when it is opened, and again
// when its row has changed.

import { fill, readChanges } from "./changes.js";
import * as chart from "./chart.js";
import { control } from "./control.js";
import { find, hide, make, put, say } from "./dom.js";
import { ask } from "./feed.js";
import { MONTHS, readLatency, SPANS } from "./latency.js";
import { showLimits } from "./limits.js";
import { showMaintenanceOf } from "./maintenance.js";
import * as sections from "./sections.js";
import { state } from "./state.js";

/** @typedef {import("./types").Detailed} Detailed */

const AGAIN = 5_000; // ms; live checks redraw the chart at most so often
const SOON = 300; // ms; what changes together is asked for once
const WEEK = 168;

const dialog = /** @type {HTMLDialogElement} */ (find("detail"));

export class Detail {
  /** @type {string | null} */
  #name = null;
  /** @type {Element | null} */
  #opener = null;
  /** @type {import("./types").Latency | null} */
  #latency = null;
  /** @type {string | null} */
  #checked = null;
  #drawn = 0;
  /** @type {number | null} */
  #chosen = null; // hours
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;

  constructor() {
    for (const [hours, label] of [...SPANS, ...MONTHS]) this.#spanButton(hours, label);
    find("detail-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.#closed());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    find("chart-table").addEventListener("toggle", () => this.#table());
    find("detail-models").addEventListener("toggle", () => this.#models());
    addEventListener("resize", () => chart.resize());
  }

  /**
   * Opens what the address names; closes otherwise.
   * @param {string | null} name
   */
  follow(name) {
    if (name === this.#name) return;
    if (name === null) dialog.close();
    else this.#open(name);
  }

  /**
   * A provider may have changed.
   * @param {string} name
   */
  touch(name) {
    if (name === this.#name && this.#timer === null)
      this.#timer = setTimeout(() => this.#read(), SOON);
  }

  redraw() {
    if (this.#name !== null && this.#latency) chart.draw(this.#latency);
  }

  /** @param {string} name */
  #open(name) {
    this.#name = name;
    this.#checked = null;
    this.#latency = null;
    chart.close();
    find("chart").replaceChildren();
    for (const each of ["detail-models", "chart-table"])
      /** @type {HTMLDetailsElement} */ (find(each)).open = false;
    say(find("detail-name"), name);
    hide(find("detail-content"), true);
    say(find("detail-failed"), "");
    if (!dialog.open) {
      this.#opener = document.activeElement;
      dialog.showModal();
    }
    find("detail-body").scrollTop = 0;
    this.#read();
  }

  #closed() {
    this.#name = null;
    chart.close();
    if (new URLSearchParams(location.hash.slice(1)).has("provider"))
      history.pushState(null, "", location.pathname + location.search);
    if (this.#opener instanceof HTMLElement) this.#opener.focus({ preventScroll: true });
  }

  async #read() {
    this.#timer = null;
    const name = this.#name;
    if (name === null) return;
    try {
      const detailed = await ask(`dashboard/data/provider/${encodeURIComponent(name)}`);
      if (name === this.#name) this.#show(detailed);
    } catch (error) {
      if (name !== this.#name) return;
      say(find("detail-failed"), `It cannot be shown: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {Detailed} detailed */
  #show(detailed) {
    say(find("detail-failed"), "");
    hide(find("detail-content"), false);
    const { provider } = detailed;
    sections.head(detailed);
    sections.tiles(detailed);
    sections.incidents(detailed.incidents);
    sections.traffic(provider);
    showMaintenanceOf(provider.provider_name);
    sections.offers(provider.offers);
    sections.vantages(provider);
    showLimits(provider);
    sections.facts(provider);
    sections.about(detailed.about, provider);
    control(provider);
    if (provider.last_check !== this.#checked) this.#past(provider);
  }

  /** @param {import("./types").Whole} provider */
  async #past(provider) {
    if (Date.now() - this.#drawn < AGAIN && this.#checked !== null) return;
    const name = provider.provider_name;
    this.#drawn = Date.now();
    this.#checked = provider.last_check;
    try {
      const [latency, found] = await Promise.all([
        readLatency(name, this.#span, provider.interval_seconds),
        readChanges(WEEK, name),
      ]);
      if (name !== this.#name) return;
      this.#latency = latency;
      fill(find("detail-changes"), found, "Nothing changed.", true);
      await chart.draw(latency);
      this.#table();
    } catch (error) {
      say(find("chart-says"), `The history cannot be read: ${/** @type {Error} */ (error).message}`);
    }
  }

  #table() {
    const home = /** @type {HTMLDetailsElement} */ (find("chart-table"));
    if (home.open && this.#latency)
      home.lastElementChild?.replaceChildren(chart.table(this.#latency));
  }

  async #models() {
    const home = /** @type {HTMLDetailsElement} */ (find("detail-models"));
    const name = this.#name;
    if (home.open && name !== null) await sections.models(name);
  }

  /**
   * @param {number} hours
   * @param {string} label
   */
  #spanButton(hours, label) {
    const button = make("button", { type: "button", "data-hours": String(hours) }, label);
    button.addEventListener("click", () => {
      this.#chosen = hours;
      this.#checked = null;
      this.#read();
    });
    find("chart-spans").append(button);
  }

  /** Hours to chart; unless chosen, as many as the list shows. */
  get #span() {
    const hours = this.#chosen ?? Number(/** @type {HTMLSelectElement} */ (find("span")).value);
    for (const button of find("chart-spans").children) {
      if (!(button instanceof HTMLElement)) continue;
      hide(button, MONTHS.has(Number(button.dataset.hours)) && !state.hub);
      const chosen = button.dataset.hours === String(hours);
      put(button, "aria-pressed", String(chosen));
    }
    return hours;
  }
}
