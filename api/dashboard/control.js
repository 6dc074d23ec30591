// What an operator may do. The admin token lives in this module's memory, and nowhere else.

import { find, say } from "./dom.js";

let token = "";
let provider = null;

async function send(method, path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
  const response = await fetch(
    `api/providers/${encodeURIComponent(provider.provider_name)}${path}`,
    options,
  );
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `the tracker answered ${response.status}`);
  return answer;
}

async function attempt(doing, work) {
  const says = find("control-says");
  say(says, doing);
  says.classList.remove("error");
  try {
    say(says, await work());
  } catch (error) {
    says.classList.add("error");
    say(says, `Not done: ${error.message}`);
  }
}

const checkNow = () =>
  attempt("Checking…", async () => {
    const { outcomes } = await send("POST", "/check");
    const {
      outcome,
      response_time_ms: time,
      error_message: error,
    } = outcomes[provider.provider_name];
    return `${outcome}${time === null ? "" : ` in ${time} ms`}${error ? `: ${error}` : ""}`;
  });

const tune = (change, done) =>
  attempt("Changing…", async () => done(await send("PATCH", "", change)));

const saysInterval = (tuned) => `Now checked every ${tuned.interval_seconds} s.`;

/** Shows the controls of this provider; its values come from the feed. */
export function control(shown) {
  const another = provider?.provider_name !== shown.provider_name;
  provider = shown;
  const interval = find("interval");
  if (
    another ||
    (document.activeElement !== interval &&
      interval.dataset.known !== String(shown.interval_seconds))
  ) {
    interval.value = shown.interval_seconds;
    interval.dataset.known = shown.interval_seconds;
  }
  if (another) say(find("control-says"), "");
  interval.min = shown.timeout_seconds;
  find("interval-reset").disabled = !shown.interval_overridden;
  say(find("switch"), shown.enabled ? "Switch off" : "Switch on");
}

find("token").addEventListener("input", (event) => (token = event.target.value.trim()));
find("token-forget").addEventListener("click", () => {
  token = "";
  find("token").value = "";
});
find("check-now").addEventListener("click", checkNow);
find("switch").addEventListener("click", () =>
  tune({ enabled: !provider.enabled }, ({ enabled }) => `Now switched ${enabled ? "on" : "off"}.`),
);
find("interval-set").addEventListener("click", () => {
  const seconds = find("interval").valueAsNumber;
  // JSON has no NaN: it would be sent as null, which is a wish for the file's value.
  if (Number.isFinite(seconds)) tune({ interval_seconds: seconds }, saysInterval);
  else say(find("control-says"), "Not done: give a number of seconds.");
});
find("interval-reset").addEventListener("click", () =>
  tune({ interval_seconds: null }, saysInterval),
);
