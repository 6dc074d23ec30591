// The list: one row a provider, made once, and from then on only patched.

import { find, hide, place, put, reshape, say } from "./dom.js";
import { server } from "./feed.js";
import { Strip } from "./strip.js";
import * as words from "./words.js";

const rowOf = new WeakMap(); // by its element
const watching = new IntersectionObserver(
  (entries) =>
    entries.forEach(({ target, isIntersecting }) => (rowOf.get(target).seen = isIntersecting)),
  { rootMargin: "300px" },
);

const template = find("row").content.firstElementChild;

export class Row {
  #parts;
  #strip;
  #status = null;
  #seen = false;

  constructor(provider, past) {
    this.past = past;
    this.element = template.cloneNode(true);
    const part = (selector) => this.element.querySelector(selector);
    this.#parts = {
      rank: part(".rank"),
      shape: part(".shape"),
      word: part(".word"),
      fault: part(".fault"),
      name: part(".name"),
      reason: part(".reason"),
      latency: part(".latency b"),
      p95: part(".latency small"),
      uptime: part(".uptime b"),
      week: part(".uptime small"),
      meter: part(".meter"),
      used: part(".limit b"),
      reset: part(".limit small"),
      last: part(".last"),
      next: part(".next"),
      strip: part(".strip"),
    };
    this.#strip = new Strip(this.#parts.strip, () => past.resolution);
    rowOf.set(this.element, this);
    watching.observe(this.element);
    const name = provider.provider_name;
    say(this.#parts.name, name);
    put(this.#parts.name, "href", `#provider=${encodeURIComponent(name)}`);
    put(this.#parts.strip, "aria-label", `History of ${name}`);
  }

  get link() {
    return this.#parts.name;
  }

  /** provider: as the API tells it; now: the tracker's clock, in ms. */
  update(provider, now) {
    this.provider = provider;
    const [kind, word] = words.look(provider);
    const parts = this.#parts;
    put(this.element, "data-status", provider.status);
    reshape(parts.shape, kind);
    say(parts.word, word);
    say(parts.fault, words.fault(provider));
    put(parts.fault, "title", words.outcome(provider.outcome));
    say(parts.reason, provider.reason);
    put(parts.reason, "title", provider.reason);
    say(parts.latency, words.ms(provider.response_time_ms));
    say(parts.p95, `p95 ${words.ms(provider.latency_ms.p95)}`);
    say(parts.uptime, words.percent(provider.uptime_percent));
    say(parts.week, `7 d ${words.percent(provider.uptime["7d"])}`);
    this.#limit(provider, now);
    this.tick(now);
    this.#flash(kind);
    if (this.past.note(provider)) this.draw();
  }

  /** rank: the place in the ranking, from 1; null for one that is not to be used. */
  position(rank) {
    say(this.#parts.rank, rank === null ? words.NOTHING : String(rank));
    put(this.#parts.rank, "title", rank === null ? "do not use now" : `place ${rank}`);
    this.element.classList.toggle("first", rank === 1);
    this.element.classList.toggle("excluded", rank === null);
  }

  /** Only where it can be seen: hundreds of rows else cost a tenth of a core. */
  set seen(seen) {
    this.#seen = seen;
    if (seen) this.tick(server.now());
  }

  tick(now) {
    if (!this.#seen) return;
    const { last_check: last, next_check: next } = this.provider;
    say(this.#parts.last, last ? words.since(last, now) : "never");
    say(this.#parts.next, next ? words.until(next, now) : "none planned");
  }

  draw() {
    const provider = this.provider;
    this.#strip.draw(this.past.cells(provider.provider_name, provider.interval_seconds));
  }

  #limit({ rate_limit: limit, rate_limit_percent: percent }, now) {
    const { meter, used, reset } = this.#parts;
    const known = limit.source !== "none";
    this.element.classList.toggle("untold", !known);
    hide(meter, !known);
    if (!known) {
      say(used, words.NOTHING);
      say(reset, "unknown");
      return;
    }
    meter.firstElementChild.style.width = `${percent}%`;
    put(meter, "aria-valuenow", String(percent));
    put(meter, "class", `meter ${percent >= 90 ? "full" : percent >= 70 ? "high" : ""}`);
    say(used, `${Math.round(percent)} %`);
    if (limit.exhausts_at) say(reset, `runs out ${words.moment(limit.exhausts_at, now)}`);
    else say(reset, resets(limit.limits, now));
  }

  #flash(kind) {
    if (this.#status !== null && this.#status !== kind) {
      this.element.classList.remove("changed");
      requestAnimationFrame(() => this.element.classList.add("changed"));
    }
    this.#status = kind;
  }
}

/** The reset of the limit that is used most. */
function resets(limits, now) {
  const use = ({ limit, remaining }) => (limit && remaining !== null ? 1 - remaining / limit : -1);
  const worst = limits.filter((each) => each.reset_at).sort((a, b) => use(b) - use(a))[0];
  return worst ? `resets ${words.moment(worst.reset_at, now)}` : "no reset told";
}

const ORDERS = {
  name: () => 0,
  status: (p) => -(p.enabled ? ["healthy", "unknown", "degraded", "down"].indexOf(p.status) : -1),
  latency: (p) => p.response_time_ms ?? Infinity,
  p95: (p) => p.latency_ms.p95 ?? Infinity,
  uptime: (p) => p.uptime_percent ?? Infinity,
  limit: (p) => -p.rate_limit_percent,
  checked: (p) => -Date.parse(p.last_check ?? 0),
};

/** Names in the order asked for; ties go by name. ranks: name -> place, best first. */
export function ordered(providers, order, ranks) {
  const key = order === "ranking" ? (p) => ranks.get(p.provider_name) ?? Infinity : ORDERS[order];
  return [...providers.values()]
    .map((p) => [key(p), p.provider_name])
    .sort(([a, left], [b, right]) => (a === b ? (left < right ? -1 : 1) : a - b))
    .map(([, name]) => name);
}

/** Puts the rows in this order, moving as few as can be seen to be out of place. */
export function arrange(list, elements) {
  let next = list.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else if (next?.nextElementSibling === element) {
      const late = next; // one row went down: move it, not all those behind it
      next = element.nextElementSibling;
      place(list, late, null);
    } else place(list, element, next);
  }
}

/** Whether a row is to be seen with this filter. */
export function matches(provider, { text, statuses }) {
  if (statuses.size && !statuses.has(provider.status)) return false;
  if (!text) return true;
  const { provider_name: name, reason, status, error_message: error, outcome } = provider;
  const all = [
    name,
    reason,
    status,
    error,
    outcome,
    words.outcome(outcome),
    words.look(provider)[1],
  ];
  return all.join("\n").toLowerCase().includes(text);
}
