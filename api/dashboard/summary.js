// The first glance: who to use and why, how many are how, and how the tracker itself is.

import { find, hide, make, put, reshape, say, shape } from "./dom.js";
import { ask, server } from "./feed.js";
import * as words from "./words.js";

const ALTERNATIVES = 3;
const SILENT = 12; // seconds; a heartbeat comes every ten

export class Counts {
  #buttons = new Map();
  chosen = new Set();

  /** changed: called when another status is asked for. */
  constructor(changed) {
    for (const status of words.STATUSES) {
      const number = make("b", {}, "0");
      const attributes = { type: "button", class: "count", "aria-pressed": "false" };
      const button = make("button", attributes, shape(status), number, make("span", {}, status));
      button.addEventListener("click", () => {
        if (!this.chosen.delete(status)) this.chosen.add(status);
        put(button, "aria-pressed", String(this.chosen.has(status)));
        changed();
      });
      this.#buttons.set(status, { button, number });
      find("counts").append(button);
    }
  }

  /** Returns the number of each status. */
  update(providers) {
    const counts = Object.fromEntries(words.STATUSES.map((status) => [status, 0]));
    for (const provider of providers.values()) counts[provider.status] += 1;
    for (const [status, { button, number }] of this.#buttons) {
      say(number, String(counts[status]));
      button.classList.toggle("none", counts[status] === 0);
    }
    return counts;
  }
}

export function showBest(best) {
  const { best_provider: name, reason, alternatives } = best;
  const link = find("use-name");
  say(link, name ?? "No provider");
  if (name === null) link.removeAttribute("href");
  else put(link, "href", `#provider=${encodeURIComponent(name)}`);
  link.closest(".card").classList.toggle("nobody", name === null);
  say(find("use-reason"), reason);
  find("use-next").replaceChildren(...following(alternatives, best.valid_until));
}

function following(alternatives, validUntil) {
  const named = alternatives.slice(0, ALTERNATIVES).flatMap((name, place) => {
    const link = make(
      "a",
      { href: `#provider=${encodeURIComponent(name)}`, class: "foreign" },
      name,
    );
    return [place ? ", " : "then ", link];
  });
  const more = alternatives.length - ALTERNATIVES;
  if (more > 0) named.push(` and ${more} more`);
  if (validUntil)
    named.push(
      `${named.length ? " · " : ""}may change at ${words.moment(validUntil, server.now())}`,
    );
  return named;
}

/** The tracker's own health, asked again and again. */
export class Own {
  #due = 0;
  #asking = false;

  async tick() {
    if (this.#asking || Date.now() < this.#due) return;
    this.#asking = true;
    try {
      const health = await ask("api/providers/health", { cache: "no-store" });
      // An answer with a thousand actors is no thing to ask for every ten seconds.
      this.#due = Date.now() + (health.providers_monitored > 100 ? 30_000 : 10_000);
      this.#show(health);
    } catch {
      this.#due = Date.now() + 5_000;
      this.#unreachable();
    }
    this.#asking = false;
  }

  soon() {
    this.#due = 0;
  }

  #show(health) {
    const [kind, word] = {
      ok: health.ready ? ["healthy", "well"] : ["healthy", "well, first sweep under way"],
      degraded: ["degraded", "troubled, but working"],
      failing: ["down", "failing: restart it"],
    }[health.status];
    reshape(find("own-shape"), kind);
    say(find("own-word"), word);
    const { state, buffered, dropped } = health.database;
    const waiting = buffered ? `, ${words.amount(buffered)} waiting` : "";
    const lost = dropped ? `, ${words.amount(dropped)} lost` : "";
    facts({
      database: `${state}${waiting}${lost}`,
      "loop lag": `${words.ms(health.loop_lag_ms)} (worst ${words.ms(health.worst_loop_lag_ms)})`,
      up: words.duration((server.now() - Date.parse(health.started_at)) / 1000),
      watching: `${health.providers_monitored} providers`,
      ranks: `by ${health.policy.replaceAll("_", " ")}`,
    });
    const problems = health.problems.map((problem) => make("li", { class: "foreign" }, problem));
    find("own-problems").replaceChildren(...problems);
  }

  #unreachable() {
    reshape(find("own-shape"), "unknown");
    say(find("own-word"), "cannot be reached");
    facts({});
    find("own-problems").replaceChildren();
  }
}

function facts(values) {
  const items = Object.entries(values).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value)),
  );
  find("own-facts").replaceChildren(...items);
}

/** Whether what is on the page is the present. */
export function showCondition({ state, age }, hasData) {
  const line = find("connection");
  put(line, "data-state", state);
  line.classList.toggle("heard", state === "live" && age < 1); // a beat that needs a real event
  document.documentElement.classList.toggle("lost", state === "lost" && hasData);
  const ago = age === null ? "" : `last update ${words.duration(age)} ago`;
  const text = {
    starting: "connecting…",
    live: age > SILENT ? `live, but silent for ${words.duration(age)}` : "live",
    polling: "asking every 5 s; the event stream is away",
    waiting: `reconnecting; ${ago}`,
    lost: age === null ? "the tracker cannot be reached; trying again" : `not live: ${ago}`,
  }[state];
  say(find("connection-text"), text);
  hide(find("banner"), state !== "lost");
  if (state === "lost") {
    const old = ago ? `What you see is old: ${ago}. ` : "";
    say(find("banner"), `Not live. ${old}The tracker does not answer; reconnecting…`);
  }
}

export function title(counts, best) {
  const bad = counts.down ? `${counts.down} down · ` : "";
  document.title = best
    ? `${bad}${best.best_provider ?? "none usable"} · Provider status`
    : "Provider status";
}
