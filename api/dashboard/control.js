// What an operator may do. The admin token lives in this module's memory, and nowhere else.

import { find, hide, make, part, put, say } from "./dom.js";
import { capital } from "./words.js";

/** @typedef {import("./types").Whole} Whole */

const MUTES = new Map([
  [60, "1 hour"],
  [240, "4 hours"],
  [1440, "1 day"],
  [0, "no mute (ends one)"],
]);

let token = "";
let who = ""; // acknowledges
/** @type {Whole | null} */
let provider = null;

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function send(method, path, body) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token}` };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method,
    headers,
    body: body ? JSON.stringify(body) : null,
    cache: "no-store",
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401)
    throw new Error(token ? "the admin token is wrong" : "this needs the admin token");
  throw new Error(answer.detail ?? `the tracker answered ${response.status}`);
}

/** @param {string} name */
const pathOf = (name) => `api/providers/${encodeURIComponent(name)}`;

/**
 * @param {HTMLElement} says
 * @param {string} doing
 * @param {() => Promise<string>} work
 */
async function attempt(says, doing, work) {
  say(says, doing);
  says.classList.remove("error");
  try {
    say(says, await work());
    return true;
  } catch (error) {
    says.classList.add("error");
    say(says, `Not done: ${/** @type {Error} */ (error).message}.`.replace("..", "."));
    return false;
  }
}

/**
 * Asks for what an acknowledgement or a mute needs, in a small dialog.
 * @param {DOMStringMap} wish data-acknowledge: an incident's id; data-mute: a provider's name
 */
export function askFor({ acknowledge, mute }) {
  const dialog = /** @type {HTMLDialogElement} */ (find("ask"));
  const name = /** @type {HTMLInputElement} */ (find("ask-who"));
  const length = /** @type {HTMLSelectElement} */ (find("ask-length"));
  const key = /** @type {HTMLInputElement} */ (find("ask-token"));
  say(find("ask-title"), mute ? `Mute ${mute}` : "Acknowledge");
  say(find("ask-why"), mute ? "No messages are sent for this long. Checks continue, and incidents are still recorded." : "No more reminders until it is over.");
  hide(find("ask-who-line"), mute !== undefined);
  hide(find("ask-length-line"), mute === undefined);
  say(find("ask-says"), "");
  length.replaceChildren(...[...MUTES].map(([minutes, text]) => make("option", { value: String(minutes) }, text)));
  name.value = who;
  key.value = token;
  dialog.onsubmit = async (event) => {
    event.preventDefault();
    token = key.value.trim();
    who = name.value.trim();
    const done = await attempt(find("ask-says"), "Sending…", async () => {
      if (mute !== undefined) await send("POST", `${pathOf(mute)}/mute`, { minutes: Number(length.value) });
      else {
        if (!who) throw new Error("enter your name");
        await send("POST", `api/incidents/${encodeURIComponent(acknowledge ?? "")}/acknowledge`, { by: who });
      }
      return "Done.";
    });
    if (done) dialog.close();
  };
  dialog.showModal();
}

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => find(id);

const says = () => find("control-says");

async function checkNow() {
  if (!provider) return;
  const name = provider.provider_name;
  await attempt(says(), "Checking…", async () => {
    const { outcomes } = await send("POST", `${pathOf(name)}/check`);
    const { outcome, response_time_ms: took, error_message: error } = outcomes[name];
    return `${capital(outcome)}${took === null ? "" : ` in ${Math.round(took)} ms`}${error ? `: ${error}` : ""}`;
  });
}

/**
 * @param {object} change
 * @param {(tuned: any) => string} done
 */
async function tune(change, done) {
  if (!provider) return;
  const path = pathOf(provider.provider_name);
  await attempt(says(), "Changing…", async () => done(await send("PATCH", path, change)));
}

const saysInterval = (/** @type {any} */ tuned) => `It is now checked every ${tuned.interval_seconds} s.`;

/**
 * Shows the controls of this provider.
 * @param {Whole} shown
 */
export function control(shown) {
  const another = provider?.provider_name !== shown.provider_name;
  provider = shown;
  const interval = input("interval");
  const known = String(shown.interval_seconds);
  if (another || (document.activeElement !== interval && interval.dataset.known !== known)) {
    interval.value = known;
    interval.dataset.known = known;
  }
  if (another) say(says(), "");
  put(interval, "min", String(shown.timeout_seconds));
  input("interval-reset").disabled = !shown.interval_overridden;
  say(find("switch"), shown.enabled ? "Stop watching" : "Watch again");
  put(find("detail-mute"), "data-mute", shown.provider_name);
  if (input("token").value !== token && document.activeElement !== input("token")) input("token").value = token;
}

function toggle() {
  if (!provider) return;
  const { enabled, provider_name: name } = provider;
  // What switches a watch off should not look like what makes one check.
  if (enabled && !confirm(`Stop watching ${name}? It will not be checked or used until somebody turns it on again.`)) return;
  tune({ enabled: !enabled }, (tuned) => (tuned.enabled ? "It is watched again." : "It is no longer watched."));
}

function setInterval() {
  const seconds = input("interval").valueAsNumber;
  // JSON has no NaN: it would be sent as null, which is a wish for the file's value.
  if (Number.isFinite(seconds)) tune({ interval_seconds: seconds }, saysInterval);
  else say(says(), "Not changed: enter a number of seconds.");
}

input("token").addEventListener("input", (event) => {
  token = /** @type {HTMLInputElement} */ (event.target).value.trim();
});
find("token-forget").addEventListener("click", () => {
  token = "";
  input("token").value = "";
});
find("check-now").addEventListener("click", checkNow);
find("switch").addEventListener("click", toggle);
find("interval-set").addEventListener("click", setInterval);
find("interval-reset").addEventListener("click", () => tune({ interval_seconds: null }, saysInterval));
part(find("ask"), ".cancel").addEventListener("click", () => /** @type {HTMLDialogElement} */ (find("ask")).close());
