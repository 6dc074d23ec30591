// Who serves a model now, how fast, since when: #models searches, #model=NAME shows one.

import { server } from "./clock.js";
import { find, hide, make, providerLink, say, shape } from "./dom.js";
import { ask } from "./feed.js";
import { state } from "./state.js";
import { tableOf } from "./table.js";
import * as words from "./words.js";

/** @typedef {import("./types").Offer & {provider_name: string, calls_24h: number | null, failures_24h: number | null}} ModelOffer */

const TYPING = 150; // ms: a search is sent when the typing rests
const HEADS = ["provider", "id to send", "now", "latency", "first token", "last check", "why"];
const AGAIN = 10_000; // ms: a model that is looked at is asked for again

const search = /** @type {HTMLInputElement} */ (find("model-search"));
/** @type {ReturnType<typeof setTimeout> | null} */
let typing = null;
/** @type {string | null} */
let open = null;
let started = false;

/**
 * @param {string | null} name of the model to show
 * @param {string | null} text what to search for
 */
export function show(name, text) {
  if (!started) start(text ?? "");
  if (name === open && name !== null) return;
  open = name;
  hide(find("one-model"), name === null);
  hide(find("model-results"), name !== null);
  if (name === null) searchNow();
  else showModel(name);
}

/** @param {string} text */
function start(text) {
  started = true;
  search.value = text;
  search.addEventListener("input", () => {
    if (open !== null) location.hash = "models";
    if (typing !== null) clearTimeout(typing);
    typing = setTimeout(searchNow, TYPING);
  });
  setInterval(() => {
    if (open !== null && !document.hidden && !find("view-models").hidden) showModel(open);
  }, AGAIN);
}

async function searchNow() {
  const text = search.value.trim();
  try {
    const { known, found, models } = await ask(`dashboard/data/models?search=${encodeURIComponent(text)}`);
    if (text !== search.value.trim()) return; // a later answer is on its way
    say(find("model-says"), told(known, found, models.length));
    find("model-list").replaceChildren(...models.map(line));
  } catch (error) {
    say(find("model-says"), `The models cannot be read: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * @param {number} known
 * @param {number} found
 * @param {number} seen
 */
function told(known, found, seen) {
  if (!known) return "No model list has been read yet.";
  if (!found) return "No watched provider lists such a model.";
  const first = found > seen ? `; the first ${seen} are shown` : "";
  return `${words.many(found, "model")}${first}.`;
}

/** @param {{model: string, providers: number, usable: number}} found */
function line({ model, providers, usable }) {
  const kind = usable === 0 ? "down" : usable < providers ? "degraded" : "healthy";
  const link = make("a", { class: "foreign", href: `#model=${encodeURIComponent(model)}` }, model);
  const text = providers === 1 ? (usable ? "at 1 provider" : "at 1 provider, not usable") : `usable at ${usable} of ${providers}`;
  return make("li", {}, shape(kind), link, make("span", { class: "quiet" }, text));
}

/** @param {string} name */
async function showModel(name) {
  say(find("model-name"), name);
  try {
    const { model, offers } = await ask(`api/models/${encodeURIComponent(name)}`);
    if (open !== name) return;
    say(find("model-name"), model);
    say(find("model-summary"), summary(offers));
    find("model-offers").replaceChildren(
      tableOf(HEADS, offers.map(row)),
    );
  } catch (error) {
    if (open !== name) return;
    say(find("model-summary"), words.capital(/** @type {Error} */ (error).message));
    find("model-offers").replaceChildren();
  }
}

/** @param {ModelOffer[]} offers */
function summary(offers) {
  const usable = offers.filter((offer) => offer.usable);
  const best = usable[0];
  const count = `${usable.length} of ${words.many(offers.length, "offer")} can be used now`;
  return best ? `Use ${best.provider_name}${speedOf(best)}. ${count}.` : `${count}.`;
}

/** @param {ModelOffer} offer */
function speedOf(offer) {
  if (offer.ttft_ms !== null) return `, first token after ${words.ms(offer.ttft_ms)}`;
  const latency = latencyOf(offer);
  return latency === words.NOTHING ? "" : `, ${latency}`;
}

/** Its own status if it is checked itself, else its provider's, marked so. @param {ModelOffer} offer */
function latencyOf(offer) {
  if (offer.evidence === "offer") return words.ms(offer.response_time_ms);
  const provider = state.providers.get(offer.provider_name);
  return provider?.response ? `${words.ms(provider.response)} (a check of its provider)` : words.NOTHING;
}

/** @param {ModelOffer} offer */
function sinceOf({ status_since: since }) {
  return since ? ` since ${words.moment(since, server.now())}` : "";
}

/** @param {ModelOffer} offer */
function whyOf({ reason, evidence, usable, calls_24h: calls, failures_24h: failures, retires_on: end }) {
  const listed = usable && evidence === "provider";
  const why = listed ? "Listed; the model itself is not checked." : words.capital(reason);
  const real = calls ? ` ${words.many(calls, "real call")} in 24 h, ${failures} failed.` : "";
  const said = words.withEnd(why, end);
  return real ? `${said.replace(/\.$/, "")}.${real}` : said;
}

/** @param {ModelOffer} offer */
function row(offer) {
  const link = providerLink(offer.provider_name);
  const who = make("th", { scope: "row" }, shape(offer.status), " ", link);
  const id = make("td", { class: "foreign" }, make("code", {}, offer.model));
  const checked = offer.last_check;
  const cells = [
    `${offer.usable ? offer.status : `${offer.status}, not usable`}${sinceOf(offer)}`,
    latencyOf(offer),
    words.ms(offer.ttft_ms),
    checked ? words.ago(Date.parse(checked), server.now()) : words.NOTHING,
  ];
  const why = make("td", { class: "foreign why" }, whyOf(offer));
  return make("tr", {}, who, id, ...cells.map((text) => make("td", {}, text)), why);
}
