// Who to use and why, in one line; how many are how; the title of the page.

import { server } from "./clock.js";
import { find, hide, linkTo, make, providerLink, put, say, shape } from "./dom.js";
import * as words from "./words.js";

/** @typedef {import("./types").Best} Best */
/** @typedef {import("./types").Line} Line */
/** @typedef {import("./types").Status} Status */

export class Counts {
  /** @type {Map<Status, {button: HTMLElement, number: HTMLElement}>} */
  #buttons = new Map();
  /** @type {Set<Status>} */
  chosen = new Set();

  /** @param {() => void} changed called when another status is asked for */
  constructor(changed) {
    for (const status of words.STATUSES) {
      const number = make("b", {}, "0");
      const attributes = { type: "button", class: "count", "aria-pressed": "false" };
      const button = make("button", attributes, shape(status), number, " ", make("span", {}, status));
      button.addEventListener("click", () => {
        if (!this.chosen.delete(status)) this.chosen.add(status);
        put(button, "aria-pressed", String(this.chosen.has(status)));
        changed();
      });
      this.#buttons.set(status, { button, number });
      find("counts").append(button);
    }
  }

  /** @param {Record<string, number>} counts */
  update(counts) {
    for (const [status, { button, number }] of this.#buttons) {
      say(number, words.amount(counts[status]));
      button.classList.toggle("none", counts[status] === 0);
    }
  }
}

/**
 * @param {Best} best
 * @param {number} watched
 */
export function showBest(best, watched) {
  const { best_provider: name, lines, reason } = best;
  const link = find("use-name");
  const nobody = best.swept ? "No provider is usable" : "Not known yet";
  say(link, name ?? (watched ? nobody : "No provider yet"));
  if (name === null) link.removeAttribute("href");
  else put(link, "href", linkTo(name));
  const home = find("use");
  home.classList.toggle("nobody", name === null);
  put(home, "title", words.plain(reason));
  if (name === null) say(find("use-reason"), watched ? hope(best) : "");
  else say(find("use-reason"), figures(lines[0]));
  find("use-next").replaceChildren(...following(best));
}

/** @param {Line} line */
function figures({ latency_ms: latency, uptime_1h: hour, samples }) {
  if (samples === 0 && latency === null) return "not checked yet";
  const failing = hour === null || hour === 100 ? "no recent failure" : `${words.percent(100 - hour)} failed in the last hour`;
  return latency === null ? failing : `${words.ms(latency)}, ${failing}`;
}

/** @param {Best} best */
function hope({ soonest, swept }) {
  if (!swept) return "The first checks are in progress.";
  if (soonest === null) return "When that may change is not known.";
  const now = server.now();
  const at = words.moment(soonest.until, now);
  return `Next chance: ${soonest.provider_name} at ${at}.`;
}

/** @param {Best} best */
function following({ best_provider: name, lines, usable, last_resort: last }) {
  if (name === null) {
    if (!last.length) return [];
    const links = last.flatMap((each, place) => [place ? ", " : "", providerLink(each)]);
    return ["As a last resort try ", ...links, "."];
  }
  if (lines.length < 2) return ["There is no other usable provider."];
  const next = lines[1];
  const took = next.latency_ms === null ? "" : `, ${words.ms(next.latency_ms)}`;
  const more = usable - 2;
  const rest = more > 0 ? `; ${words.many(more, "more")}`.replace("mores", "more") : "";
  return ["Next: ", providerLink(next.provider_name), `${took}${rest}.`];
}

/**
 * @param {Record<string, number>} counts
 * @param {Best | null} best
 * @param {boolean} lost nothing comes any more: what was last known is not the present
 */
export function showTitle(counts, best, lost) {
  if (lost) document.title = "Not live · Provider status";
  else if (best === null) document.title = "Provider status";
  else {
    const down = counts.down ? `${counts.down} down · ` : "";
    const name = best.best_provider === null ? "none usable" : words.plain(best.best_provider);
    document.title = `${down}${name} · Provider status`;
  }
}

/**
 * What the list says where it has no rows.
 * @param {number} seen
 * @param {number} all
 */
export function showEmpty(seen, all) {
  say(find("shown"), seen === all ? "" : `${words.amount(seen)} of ${words.many(all, "provider")}`);
  hide(find("empty"), seen > 0 || all === 0);
  hide(find("nothing"), all > 0);
  for (const id of ["providers", "glance"]) hide(find(id), all === 0);
}
