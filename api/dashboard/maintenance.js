// Past, present and future maintenance of providers, without incidents and messages.

import { server } from "./clock.js";
import { find, hide, make, say } from "./dom.js";
import { ask } from "./feed.js";
import * as words from "./words.js";

/** @typedef {{providers: Set<string>, start: number, end: number}} Span providers: empty for all; ms */

const SHOWN = 3; // spans told in the list's line; a provider's page has the rest of its own
const SOON = 7 * 86_400_000; // ms: what is planned for later is told by a provider's page
const WINDOWS = 6; // told by a provider's page: a window may come daily
const PAST = 86_400_000; // ms
const AHEAD = 14 * PAST;
const AGAIN = 60_000; // ms: windows change with the file alone

/** @type {Span[]} */
let spans = [];
let read = 0;

/**
 * Reads the spans again where that was long ago.
 * @param {() => void} changed called where there are others
 */
export async function readMaintenance(changed) {
  if (Date.now() - read < AGAIN) return;
  read = Date.now();
  try {
    const before = JSON.stringify(spans.map(({ start, end }) => [start, end]));
    const { maintenance } = await ask("api/maintenance");
    spans = maintenance.map(readSpan);
    if (JSON.stringify(spans.map(({ start, end }) => [start, end])) !== before) changed();
  } catch {
    // The tracker is away: what was known of the future still holds.
  }
}

/** @param {{providers: string[], start: string, end: string}} span */
const readSpan = ({ providers, start, end }) => ({
  providers: new Set(providers),
  start: Date.parse(start),
  end: Date.parse(end),
});

/** @param {string} name */
const of = (name) => spans.filter(({ providers }) => !providers.size || providers.has(name));

/**
 * Until when a provider is in maintenance; null: it is not. Windows that overlap are one.
 * @param {string} name
 * @param {number} now
 */
export function maintainedUntil(name, now) {
  let until = now;
  for (const { start, end } of of(name).sort((a, b) => a.start - b.start))
    if (start <= until && end > until) until = end;
  return until > now ? until : null;
}

/**
 * Whether any of it was in a stretch of time.
 * @param {string} name
 * @param {number} from
 * @param {number} to
 */
export const wasMaintained = (name, from, to) =>
  of(name).some(({ start, end }) => start < to && end > from);

/**
 * Those of a stretch of time, the earliest first.
 * @param {string} name
 * @param {number} from
 * @param {number} to
 */
export const maintenanceOf = (name, from, to) => of(name).filter(({ start, end }) => start < to && end > from);

/**
 * @param {Span} span
 * @param {number} now
 */
function when({ start, end }, now) {
  const until = words.moment(end, start > now ? start : now);
  return start <= now && end > now ? `until ${until}` : `${words.moment(start, now)} to ${until}`;
}

/** The providers it is about. @param {Span} span */
const subjects = ({ providers }) => (providers.size ? [...providers].join(", ") : "all");

/** What is in maintenance and what is planned, in a line above the list. */
export function showMaintenance() {
  const now = server.now();
  const told = (/** @type {Span[]} */ some) => {
    const named = some.slice(0, SHOWN).map((span) => `${subjects(span)} ${when(span, now)}`);
    return named.join("; ") + (some.length > SHOWN ? `; ${some.length - SHOWN} more` : "");
  };
  const current = spans.filter(({ start, end }) => start <= now && end > now);
  const planned = spans.filter(({ start }) => start > now && start < now + SOON).sort((a, b) => a.start - b.start);
  const lines = [];
  if (current.length) lines.push(`In maintenance: ${told(current)}.`);
  if (planned.length) lines.push(`Planned maintenance: ${told(planned)}.`);
  say(find("maintenance"), lines.join(" "));
  hide(find("maintenance"), lines.length === 0);
}

/** What is in force, was lately and is planned. @param {string} name */
export function showMaintenanceOf(name) {
  const now = server.now();
  const all = maintenanceOf(name, now - PAST, now + AHEAD).slice(0, WINDOWS);
  hide(find("detail-maintenance-box"), all.length === 0);
  const items = all.map((span) => {
    let what = "over";
    if (span.end > now) what = span.start <= now ? "in force" : "planned";
    return make("li", {}, `${what}: `, make("b", {}, when(span, now)));
  });
  find("detail-maintenance").replaceChildren(...items);
}
