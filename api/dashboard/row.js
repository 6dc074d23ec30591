// One row of the list: made when it comes near the view, and from then on only patched.

import { server } from "./clock.js";
import { hide, linkTo, make, part, put, reshape, say, shape } from "./dom.js";
import { maintainedUntil } from "./maintenance.js";
import { Strip } from "./strip.js";
import * as words from "./words.js";

/** @typedef {import("./types").Provider} Provider */
/** @typedef {import("./past.js").Past} Past */

const HIGH = 70; // percent of a limit: worth a look
const FULL = 90; // the tracker calls the provider degraded from here on
const DAY = 86_400; // seconds
const WEEK = 7 * DAY;
const FORECAST = 50; // below that a trend of a few minutes says nothing

const template = /** @type {HTMLElement} */ (
  /** @type {HTMLTemplateElement} */ (document.getElementById("row")).content.firstElementChild
);

export class Row {
  #strip;
  #kind = "";
  #told = "[[],\"\"]"; // what was drawn of the vantages

  /**
   * @param {Provider} provider
   * @param {Past} past
   */
  constructor(provider, past) {
    this.past = past;
    this.provider = provider;
    this.element = /** @type {HTMLElement} */ (template.cloneNode(true));
    const get = (/** @type {string} */ selector) => part(this.element, selector);
    this.parts = {
      shape: get(".state .shape"),
      word: get(".word"),
      since: get(".since"),
      name: get(".name"),
      rank: get(".rank"),
      why: get(".why"),
      care: get(".care"),
      calls: get(".calls"),
      places: get(".places"),
      latency: get(".latency b"),
      p95: get(".latency small"),
      uptime: get(".uptime b"),
      week: get(".uptime small"),
      limit: get(".limit"),
      meter: get(".meter"),
      used: get(".limit b"),
      reset: get(".limit small"),
      last: get(".last"),
      next: get(".next"),
      axis: get(".axis"),
    };
    const svg = get(".strip");
    this.#strip = new Strip(/** @type {any} */ (svg), past, provider.name);
    say(this.parts.name, provider.name);
    put(this.parts.name, "href", linkTo(provider.name));
    put(svg, "aria-label", `History of ${words.plain(provider.name)}`);
  }

  /** @param {Provider} provider */
  update(provider) {
    this.provider = provider;
    const parts = this.parts;
    const [kind, word] = words.look(provider);
    put(this.element, "data-status", kind);
    reshape(parts.shape, kind);
    say(parts.word, word);
    say(parts.why, words.why(provider));
    const down = provider.status === "down";
    say(parts.latency, words.ms(provider.response));
    const p95 = provider.p95 === null ? "" : `p95 ${words.ms(provider.p95)}`;
    say(parts.p95, (down || provider.status === "unknown") && provider.response !== null ? "when it last worked" : p95);
    this.#calls(provider);
    this.#places(provider);
    this.#uptime(provider);
    this.#limit(provider);
    this.tick();
    this.#flash(kind);
    this.draw();
  }

  /** @param {number | null} rank the place in the ranking, from 1; null: not to be used */
  position(rank) {
    const first = rank === 1;
    say(this.parts.rank, rank === null ? "" : first ? "use now" : `no. ${rank}`);
    this.element.classList.toggle("first", first);
    this.element.classList.toggle("excluded", rank === null);
  }

  tick() {
    const { since, status, last, next, enabled } = this.provider;
    const now = server.now();
    const { parts } = this;
    const text = since === null ? "" : `for ${words.duration(now / 1000 - since)}`;
    const bad = since !== null && status !== "healthy";
    say(parts.since, bad ? `${text}, since ${words.moment(since * 1000, now)}` : text);
    this.#care(now);
    say(parts.last, last ? words.ago(last * 1000, now) : "never");
    say(parts.next, next && enabled ? words.until(next * 1000, now) : "none planned");
  }

  draw() {
    const { name, interval } = this.provider;
    const cells = this.past.cells(name, interval);
    if (cells) this.#strip.draw(cells);
    else this.past.want(name);
    put(this.parts.axis, "data-from", AXIS[this.past.hours]);
  }

  /** @param {number} now */
  #care(now) {
    const until = maintainedUntil(this.provider.name, now);
    hide(this.parts.care, until === null);
    if (until !== null) say(this.parts.care, `In maintenance until ${words.moment(until, now)}`);
  }

  /** Real calls stand on a line of their own: they are never mixed with checks. @param {Provider} provider */
  #calls({ traffic }) {
    hide(this.parts.calls, traffic === null || traffic[0] === 0);
    if (traffic === null) return;
    const [calls, counted, failures, latency] = traffic;
    const share = failures ? words.percent((100 * failures) / counted) : "none";
    const failed = counted ? `, ${share} failed` : "";
    const took = latency === null ? "" : `, ${words.ms(latency)}`;
    say(this.parts.calls, `Real calls: ${words.amount(calls / 5)} a minute${failed}${took}`);
  }

  /** A shape for each vantage, and what they say together. @param {Provider} provider */
  #places({ vantages, cluster }) {
    const told = JSON.stringify([vantages, cluster]);
    if (told === this.#told) return;
    this.#told = told;
    hide(this.parts.places, vantages.length === 0);
    const seen = vantages.map(([name, status, suspect]) => {
      const says = `${status}${suspect ? ", no vote: it sees most providers down" : ""}`;
      const home = make("span", { class: "place", title: words.plain(`${name}: ${says}`) });
      home.append(shape(status), make("span", { class: "foreign" }, suspect ? `(${name})` : name));
      home.append(make("span", { class: "unseen" }, says));
      return home;
    });
    if (cluster) seen.unshift(make("span", { class: "foreign" }, words.capital(cluster)));
    this.parts.places.replaceChildren(...seen);
  }

  /** A window longer than the data is called by what there is. @param {Provider} provider */
  #uptime({ day, week, checked_since: since }) {
    const now = server.now();
    const age = since === null ? WEEK : now / 1000 - since;
    say(this.parts.uptime, words.percent(day));
    let text = "";
    if (day !== null && age < DAY) text = `since ${words.moment((since ?? 0) * 1000, now)}`;
    else if (week !== null) text = `${Math.min(7, Math.round(age / DAY))} d ${words.percent(week)}`;
    say(this.parts.week, text);
  }

  /** @param {Provider} provider */
  #limit({ limit, limit_estimated: estimated, resets, exhausts }) {
    const { meter, used, reset } = this.parts;
    const now = server.now();
    this.parts.limit.classList.toggle("untold", limit === null);
    hide(meter, limit === null);
    if (limit === null) {
      say(used, words.NOTHING);
      say(reset, "unknown");
      return;
    }
    part(meter, "i").style.width = `${limit}%`;
    put(meter, "aria-valuenow", String(limit));
    put(meter, "class", `meter ${limit >= FULL ? "full" : limit >= HIGH ? "high" : ""}`);
    say(used, `${estimated ? "~ " : ""}${Math.round(limit)} %`);
    if (exhausts && limit >= FORECAST) say(reset, `runs out ${words.moment(exhausts * 1000, now)}`);
    else if (resets) say(reset, `resets ${words.moment(resets * 1000, now)}`);
    else say(reset, estimated ? "estimated" : "");
  }

  /** @param {string} kind */
  #flash(kind) {
    if (this.#kind && this.#kind !== kind) {
      this.element.classList.remove("changed");
      requestAnimationFrame(() => this.element.classList.add("changed"));
    }
    this.#kind = kind;
  }
}

/** @type {Record<number, string>} */
export const AXIS = { 1: "1 h ago", 24: "24 h ago", 168: "7 days ago", 720: "30 days ago", 2_160: "90 days ago" };
