// One provider in full, addressable as #provider=NAME.

import { changes, fill } from "./changes.js";
import * as chart from "./chart.js";
import { control } from "./control.js";
import { find, hide, make, reshape, say, shape } from "./dom.js";
import { ask, server } from "./feed.js";
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
  #hours = 1;

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
    if (this.#name === null) this.follow(); // it may just have come
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
    if (location.hash.startsWith("#provider=")) history.pushState(null, "", location.pathname + location.search);
    this.#opener?.focus({ preventScroll: true });
  }

  #show() {
    const shown = this.look(this.#name);
    if (shown === null) return dialog.close();
    const { provider, line, place } = shown;
    const [kind, word] = words.look(provider);
    reshape(find("detail-shape"), kind);
    say(find("detail-name"), provider.provider_name);
    say(find("detail-word"), word);
    say(find("detail-reason"), provider.reason);
    say(find("detail-place"), standing(place, line));
    say(find("detail-error"), `${words.outcome(provider.outcome)} – ${provider.error_message}`);
    hide(find("detail-error"), !provider.error_message);
    this.#tiles(provider);
    this.#limits(provider);
    this.#facts(provider);
    control(provider);
    if (provider.last_check !== this.#checked) this.#past(provider);
  }

  #tiles(provider) {
    const { latency_ms: latency, uptime } = provider;
    const tiles = {
      "latency now": words.ms(provider.response_time_ms),
      "p50, 24 h": words.ms(latency.p50),
      "p95, 24 h": words.ms(latency.p95),
      "slowest": words.ms(latency.max),
      "first token": provider.ttft_ms === null ? null : words.ms(provider.ttft_ms),
      "up, 1 h": words.percent(uptime["1h"]),
      "up, 24 h": words.percent(uptime["24h"]),
      "up, 7 d": words.percent(uptime["7d"]),
      "checks, 24 h": words.amount(provider.checks_24h),
      "completions, 24 h": provider.completions_24h ? words.amount(provider.completions_24h) : null,
      "failed in a row": String(provider.consecutive_failures),
      "checked every": words.span(provider.interval_seconds) + (provider.interval_overridden ? " (tuned)" : ""),
    };
    const shown = Object.entries(tiles).filter(([, value]) => value !== null);
    find("detail-tiles").replaceChildren(
      ...shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
    );
  }

  #limits({ rate_limit: { source, limits, exhausts_at: end }, rate_limit_percent: percent }) {
    const home = find("detail-limits");
    if (source === "none") {
      home.replaceChildren(make("p", { class: "quiet" }, "No limit is known: the provider tells none."));
      return;
    }
    const now = server.now();
    const forecast = end
      ? `At the present trend it runs out at ${words.moment(end, now)}, before its reset.`
      : "At the present trend none runs out before its reset.";
    home.replaceChildren(
      make("p", { class: end ? "forecast soon" : "forecast" }, `${Math.round(percent)} % used. ${forecast}`),
      make("div", { class: "scroll" }, limitTable(limits, now)),
      make("p", { class: "quiet" }, `Source: ${words.LIMIT_SOURCES[source]}.`),
    );
  }

  #facts(provider) {
    const names = { reachable: "reachable", authenticated: "our key is accepted", quota_available: "quota is left", inference: "a completion was answered" };
    const facts = Object.entries(names).map(([field, text]) => {
      const [kind, word] = { true: ["healthy", "yes"], false: ["down", "no"], null: ["unknown", "not proven"] }[provider[field]];
      return make("li", {}, shape(kind), `${text}: `, make("b", {}, word));
    });
    find("detail-facts").replaceChildren(...facts);
    const keys = provider.keys.map(({ number, state }) => {
      const kind = { ok: "healthy", unknown: "unknown", rate_limited: "degraded" }[state] ?? "down";
      return make("li", {}, shape(kind), `key ${number}: `, make("b", {}, words.KEY_STATES[state]));
    });
    const none = make("li", { class: "quiet" }, "No key is used, or none was tried yet.");
    find("detail-keys").replaceChildren(...(keys.length ? keys : [none]));
  }

  async #past(provider) {
    if (Date.now() - this.#drawn < AGAIN && this.#checked !== null) return;
    const name = this.#name;
    this.#drawn = Date.now();
    this.#checked = provider.last_check;
    try {
      const [latency, found] = await Promise.all([
        chart.readLatency(name, this.#hours, provider.interval_seconds),
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
    if (home.open && this.#latency) home.lastElementChild.replaceChildren(chart.table(this.#latency));
  }

  async #models() {
    const home = find("detail-models");
    if (!home.open) return;
    const [line, list] = [home.querySelector("p"), home.querySelector("ul")];
    try {
      const { models } = await ask("api/providers/models");
      const own = Object.keys(models).filter((model) => models[model].includes(this.#name));
      const cut = own.length > MODELS ? `; the first ${MODELS} are shown` : "";
      say(line, own.length ? `${own.length} in its last list${cut}.` : "No model list was read yet.");
      list.replaceChildren(...own.slice(0, MODELS).map((model) => make("li", { class: "foreign" }, model)));
    } catch (error) {
      say(line, error.message);
    }
  }

  #spanButton(hours, label) {
    const button = make("button", { type: "button", "aria-pressed": String(hours === this.#hours) }, label);
    button.addEventListener("click", () => {
      for (const other of find("chart-spans").children) other.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", "true");
      this.#hours = hours;
      this.#checked = null;
      this.#show();
    });
    find("chart-spans").append(button);
  }
}

function standing(place, line) {
  if (place !== null) return `Place ${place}: ${line.reason}`;
  const until = line?.until ? `; that may change at ${words.moment(line.until, server.now())}` : "";
  return `Not to be used now${until}.`;
}

function limitTable(limits, now) {
  const heads = ["limit", "per", "left", "of", "resets"];
  const rows = limits.map(({ name, window_seconds: window, limit, remaining, reset_at: reset }) => {
    const cells = [words.span(window), words.amount(remaining), words.amount(limit), reset ? words.moment(reset, now) : words.NOTHING];
    return make("tr", {}, make("th", { scope: "row", class: "foreign" }, name), ...cells.map((text) => make("td", {}, text)));
  });
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}
