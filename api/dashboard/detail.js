// One provider in full, addressable as #provider=NAME.

import { changes, fill } from "./changes.js";
import * as chart from "./chart.js";
import { control } from "./control.js";
import { find, hide, make, put, reshape, say } from "./dom.js";
import { ask } from "./feed.js";
import * as sections from "./sections.js";
import * as words from "./words.js";

const MODELS = 500;
const AGAIN = 5_000; // ms; a live check redraws the chart at most so often

const dialog = find("detail");

export class Detail {
  #name = null;
  #opener = null;
  #latency = null;
  #checked = null;
  #drawn = 0;
  #chosen = null; // hours

  /** look: name -> {provider, line, place}, or null where there is none of that name. */
  constructor(look) {
    this.look = look;
    for (const [hours, label] of chart.SPANS) this.#spanButton(hours, label);
    find("detail-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.#closed());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    find("chart-table").addEventListener("toggle", () => this.#table());
    find("detail-models").addEventListener("toggle", () => this.#models());
    addEventListener("hashchange", () => this.follow());
    addEventListener("resize", () => chart.resize());
  }

  /** Opens what the address names, if it is there; closes otherwise. */
  follow() {
    const name = new URLSearchParams(location.hash.slice(1)).get("provider");
    if (name === this.#name) return;
    if (name === null || this.look(name) === null) dialog.close();
    else this.#open(name);
  }

  /** Call when the shown provider may have changed. */
  update() {
    if (this.#name === null)
      this.follow(); // it may just have come
    else this.#show();
  }

  redraw() {
    if (this.#name !== null && this.#latency) chart.draw(this.#latency);
  }

  #open(name) {
    this.#name = name;
    this.#checked = null;
    this.#latency = null;
    find("chart").replaceChildren();
    find("detail-models").open = false;
    if (!dialog.open) {
      this.#opener = document.activeElement;
      dialog.showModal();
    }
    find("detail").querySelector(".detail-body").scrollTop = 0;
    this.#show();
  }

  #closed() {
    this.#name = null;
    chart.close();
    if (location.hash.startsWith("#provider="))
      history.pushState(null, "", location.pathname + location.search);
    this.#opener?.focus({ preventScroll: true });
  }

  #show() {
    const shown = this.look(this.#name);
    if (shown === null) {
      dialog.close();
      return;
    }
    const { provider, line, place } = shown;
    const [kind, word] = words.look(provider);
    reshape(find("detail-shape"), kind);
    say(find("detail-name"), provider.provider_name);
    say(find("detail-word"), word);
    say(find("detail-reason"), provider.reason);
    say(find("detail-place"), sections.standing(place, line));
    const [whose, error] = [words.fault(provider), provider.error_message];
    say(find("detail-error"), words.outcome(provider.outcome) + (error && ` – ${error}`));
    hide(find("detail-error"), !whose && !error);
    sections.tiles(provider);
    sections.traffic(provider);
    sections.limits(provider);
    sections.facts(provider);
    control(provider);
    if (provider.last_check !== this.#checked) this.#past(provider);
  }

  async #past(provider) {
    if (Date.now() - this.#drawn < AGAIN && this.#checked !== null) return;
    const name = this.#name;
    this.#drawn = Date.now();
    this.#checked = provider.last_check;
    try {
      const [latency, found] = await Promise.all([
        chart.readLatency(name, this.#span(provider), provider.interval_seconds),
        changes(168, name),
      ]);
      if (name !== this.#name) return;
      this.#latency = latency;
      fill(find("detail-changes"), found, "Nothing changed.", true);
      await chart.draw(latency);
      this.#table();
    } catch (error) {
      say(find("chart-says"), `The history cannot be read: ${error.message}`);
    }
  }

  #table() {
    const home = find("chart-table");
    if (home.open && this.#latency)
      home.lastElementChild.replaceChildren(chart.table(this.#latency));
  }

  async #models() {
    const home = find("detail-models");
    if (!home.open) return;
    const [line, list] = [home.querySelector("p"), home.querySelector("ul")];
    try {
      const { models } = await ask("api/providers/models");
      const own = Object.keys(models).filter((model) => models[model].includes(this.#name));
      const cut = own.length > MODELS ? `; the first ${MODELS} are shown` : "";
      say(
        line,
        own.length ? `${own.length} in its last list${cut}.` : "No model list was read yet.",
      );
      list.replaceChildren(
        ...own.slice(0, MODELS).map((model) => make("li", { class: "foreign" }, model)),
      );
    } catch (error) {
      say(line, error.message);
    }
  }

  #spanButton(hours, label) {
    const button = make("button", { type: "button", "data-hours": String(hours) }, label);
    button.addEventListener("click", () => {
      this.#chosen = hours;
      this.#checked = null;
      this.#show();
    });
    find("chart-spans").append(button);
  }

  /** Hours to chart; unless chosen, an hour only where checks are frequent enough to fill it. */
  #span({ interval_seconds: interval }) {
    const hours = this.#chosen ?? (interval <= 60 ? 1 : 24);
    for (const button of find("chart-spans").children) {
      put(button, "aria-pressed", String(button.dataset.hours === String(hours)));
    }
    return hours;
  }
}
