// Ties it together: what the feed brings is noted, and drawn once a frame.

import { onTheme } from "./appearance.js";
import { showLately } from "./changes.js";
import { Detail } from "./detail.js";
import { find, hide, say } from "./dom.js";
import { Feed, server } from "./feed.js";
import "./keyboard.js";
import { Past } from "./past.js";
import { arrange, matches, ordered, Row } from "./rows.js";
import { Counts, Own, showBest, showCondition, title } from "./summary.js";

const SPOKEN = 3; // changes told singly; more are told as a number
const STORED = 1_200; // ms until a change is in the history for sure
const REREAD = 600_000; // ms between two readings of the whole history

const providers = new Map();
const rows = new Map();
const past = new Past();
const list = find("list");
let best = null;
let places = new Map(); // name -> its place, the unusable ones behind the others
let lines = new Map(); // name -> its line in the ranking
let touched = new Set();
let news = []; // what changed, in words
let moved = false; // the order, or who is seen, may be another
let due = false;
let newest = 0;
let read = 0;
let shown = false;
let state = "starting"; // of the feed
let alarmed = false; // it was said that nothing comes

const own = new Own();
const counts = new Counts(() => soon(true));
const detail = new Detail((name) => {
  if (!providers.has(name)) return null;
  const place = places.get(name) ?? Infinity;
  const usable = best !== null && place <= best.ranking.length;
  return { provider: providers.get(name), line: lines.get(name), place: usable ? place : null };
});
const feed = new Feed({ snapshot: takeSnapshot, provider: takeProvider, best: takeBest });

function takeSnapshot(snapshot, ranking) {
  const first = providers.size === 0;
  for (const name of [...providers.keys()]) if (!(name in snapshot.providers)) remove(name);
  for (const provider of Object.values(snapshot.providers)) takeProvider(provider);
  if (ranking) takeBest(ranking);
  if (first) readPast(null);
  own.soon();
}

function takeProvider(provider) {
  const name = provider.provider_name;
  providers.set(name, provider);
  touched.add(name);
  soon(false);
}

function takeBest(ranking) {
  if (best && best.best_provider !== ranking.best_provider) {
    const name = ranking.best_provider;
    news.push(name === null ? "no provider is usable" : `use ${name} now`);
  }
  best = ranking;
  const all = [...ranking.ranking, ...ranking.excluded];
  places = new Map(all.map((line, index) => [line.provider_name, index + 1]));
  lines = new Map(all.map((line) => [line.provider_name, line]));
  soon(true);
}

function remove(name) {
  providers.delete(name);
  rows.get(name)?.element.remove();
  rows.delete(name);
  past.forget(name);
  touched.add(name);
  moved = true;
}

/** Draw with the next frame; ``reorder``: the order, or who is seen, may be another. */
function soon(reorder) {
  moved ||= reorder;
  if (due) return;
  due = true;
  // A hidden page gets no frames, but its title should still tell.
  if (document.hidden) setTimeout(flush, 500);
  else requestAnimationFrame(flush);
}

function flush() {
  const began = performance.now();
  due = false;
  const [names, ranked, now] = [touched, moved, server.now()];
  touched = new Set();
  patch(names, now);
  if (ranked || names.size) order();
  if (best) showBest(best);
  title(counts.update(providers), best);
  if (ranked || names.size) detail.update();
  if (news.length) tell();
  if (!shown && rows.size) performance.mark("shown");
  shown ||= rows.size > 0;
  performance.measure("update", { start: began, end: performance.now() });
  performance.clearMeasures("update"); // observers have it; a page open for weeks keeps none
}

function patch(names, now) {
  for (const name of names) {
    const provider = providers.get(name);
    if (!provider) continue;
    const row = rows.get(name);
    if (!row) add(name, provider, now);
    else {
      if (row.provider.status !== provider.status) news.push(`${name} is ${provider.status}`);
      row.update(provider, now);
    }
  }
}

function add(name, provider, now) {
  const row = new Row(provider, past);
  rows.set(name, row);
  row.update(provider, now);
  row.draw();
}

function order() {
  moved = false;
  const names = ordered(providers, find("order").value, places);
  arrange(
    list,
    names.map((name) => rows.get(name).element),
  );
  const filter = { text: find("filter").value.trim().toLowerCase(), statuses: counts.chosen };
  let seen = 0;
  for (const name of names) {
    const row = rows.get(name);
    const place = places.get(name) ?? Infinity;
    row.position(best && place <= best.ranking.length ? place : null);
    const fits = matches(row.provider, filter);
    hide(row.element, !fits);
    seen += fits;
  }
  tellShown(seen, names.length);
}

function tellShown(seen, all) {
  say(find("shown"), seen === all ? `${all} providers` : `${seen} of ${all} providers`);
  const empty = find("empty");
  hide(empty, seen > 0);
  const none =
    "No provider is watched. Set a key, for example GROQ_API_KEY, or add one to tracker.toml.";
  if (!seen) say(empty, all ? "No provider fits the filter." : none);
}

let rereading = null;

/** Tells screen readers, politely and not at length, and the list of changes. */
function tell() {
  const text = news.length > SPOKEN ? `${news.length} changes` : news.join("; ");
  say(find("announce"), `${text}.`);
  news = [];
  rereading ??= setTimeout(() => {
    rereading = null;
    showLately();
  }, STORED);
}

/** hours: null chooses a day, or the last hour where there is no more than that. */
async function readPast(hours) {
  read = Date.now();
  try {
    await past.load(hours ?? 24);
    if (hours === null && past.age < 3_600) await past.load(1);
    find("span").value = String(past.hours);
    say(find("head-history"), `History, ${find("span").selectedOptions[0].text}`);
  } catch {
    read = Date.now() - REREAD + 10_000; // the database may be away: again in ten seconds
  }
  drawAll();
}

function drawAll() {
  newest = past.newest;
  for (const row of rows.values()) row.draw();
}

function tick() {
  feed.tick();
  own.tick();
  const condition = feed.condition;
  showCondition(condition, providers.size > 0);
  if (condition.state !== state) turnTo(condition.state);
  const now = server.now();
  if (!document.hidden) for (const row of rows.values()) row.tick(now);
  if (past.newest !== newest) drawAll();
  if (Date.now() - read > REREAD && providers.size) readPast(past.hours);
}

function turnTo(next) {
  const back = next === "live" && state !== "starting";
  state = next;
  own.soon();
  if (back) {
    readPast(past.hours); // what came meanwhile was not seen
    showLately();
  }
  if ((next === "lost") === alarmed) return;
  alarmed = !alarmed;
  news.push(alarmed ? "not live: the tracker does not answer" : "live again");
  soon(false);
}

onTheme(() => detail.redraw());
find("filter").addEventListener("input", () => soon(true));
find("order").addEventListener("change", () => soon(true));
find("span").addEventListener("change", (event) => readPast(Number(event.target.value)));
document.addEventListener("visibilitychange", () => !document.hidden && soon(true));

showLately();
setInterval(tick, 1_000);
tick();
