// The parts of a provider's detail that are its present values.

import { find, hide, make, shape } from "./dom.js";
import { server } from "./feed.js";
import * as words from "./words.js";

export function tiles(provider) {
  const { latency_ms: latency, uptime } = provider;
  const values = {
    "latency now": words.ms(provider.response_time_ms),
    "p50, 24 h": words.ms(latency.p50),
    "p95, 24 h": words.ms(latency.p95),
    slowest: words.ms(latency.max),
    "first token": provider.ttft_ms === null ? null : words.ms(provider.ttft_ms),
    "up, 1 h": words.percent(uptime["1h"]),
    "up, 24 h": words.percent(uptime["24h"]),
    "up, 7 d": words.percent(uptime["7d"]),
    "checks, 24 h": words.amount(provider.checks_24h),
    "completions, 24 h": provider.completions_24h ? words.amount(provider.completions_24h) : null,
    "failed in a row": String(provider.consecutive_failures),
    "checked every":
      words.span(provider.interval_seconds) + (provider.interval_overridden ? " (tuned)" : ""),
  };
  fill("detail-tiles", values);
}

/** Real calls stand apart from checks: the two are never mixed. */
export function traffic(provider) {
  const { last_call: last, checks_saved_24h: saved, completions_saved_24h: completions } = provider;
  const { window_seconds: window, calls, counted, failures, ...calm } = provider.evidence.traffic;
  hide(find("detail-traffic"), last === null);
  if (last === null) return;
  const minutes = window / 60;
  fill("traffic-tiles", {
    "calls a minute": words.amount(calls / minutes),
    [`failed, ${words.span(window)}`]: counted ? words.percent((100 * failures) / counted) : words.NOTHING,
    "median latency": words.ms(calm.latency_ms),
    "first token": calm.ttft_ms === null ? null : words.ms(calm.ttft_ms),
    "tokens a second": calm.tokens_per_second === null ? null : words.amount(calm.tokens_per_second),
    "last call": words.moment(last, server.now()),
    "checks saved, 24 h": words.amount(saved),
    "completions saved, 24 h": completions ? words.amount(completions) : null,
  });
}

function fill(home, values) {
  const shown = Object.entries(values).filter(([, value]) => value !== null);
  find(home).replaceChildren(
    ...shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
}

export function limits({
  rate_limit: { source, limits: all, exhausts_at: end },
  rate_limit_percent: percent,
}) {
  const home = find("detail-limits");
  if (source === "none") {
    home.replaceChildren(
      make("p", { class: "quiet" }, "No limit is known: the provider tells none."),
    );
    return;
  }
  const now = server.now();
  let forecast = "At the present trend none runs out before its reset.";
  if (end)
    forecast = `At the present trend it runs out at ${words.moment(end, now)}, before its reset.`;
  else if (percent >= 100) forecast = "One is used up and comes back at its reset.";
  home.replaceChildren(
    make(
      "p",
      { class: end ? "forecast soon" : "forecast" },
      `${Math.round(percent)} % used. ${forecast}`,
    ),
    make("div", { class: "scroll" }, limitTable(all, now)),
    make("p", { class: "quiet" }, `Source: ${words.LIMIT_SOURCES[source]}.`),
  );
}

export function facts(provider) {
  const names = {
    reachable: "reachable",
    authenticated: "our key is accepted",
    quota_available: "quota is left",
    inference: "a completion was answered",
  };
  const proven = Object.entries(names).map(([field, text]) => {
    const [kind, word] = {
      true: ["healthy", "yes"],
      false: ["down", "no"],
      null: ["unknown", "not proven"],
    }[provider[field]];
    return make("li", {}, shape(kind), `${text}: `, make("b", {}, word));
  });
  find("detail-facts").replaceChildren(...proven);
  const keys = provider.keys.map(({ number, state }) => {
    const kind = { ok: "healthy", unknown: "unknown", rate_limited: "degraded" }[state] ?? "down";
    return make("li", {}, shape(kind), `key ${number}: `, make("b", {}, words.KEY_STATES[state]));
  });
  const none = make("li", { class: "quiet" }, "No key is used, or none was tried yet.");
  find("detail-keys").replaceChildren(...(keys.length ? keys : [none]));
}

/** Where it stands in the ranking. */
export function standing(place, line) {
  if (place !== null) return `Place ${place}: ${line.reason}`;
  const until = line?.until ? `; that may change at ${words.moment(line.until, server.now())}` : "";
  return `Do not use it now${until}.`;
}

function limitTable(all, now) {
  const heads = ["limit", "per", "left", "of", "resets"];
  const rows = all.map(({ name, window_seconds: window, limit, remaining, reset_at: reset }) => {
    const cells = [
      words.span(window),
      words.amount(remaining),
      words.amount(limit),
      reset ? words.moment(reset, now) : words.NOTHING,
    ];
    return make(
      "tr",
      {},
      make("th", { scope: "row", class: "foreign" }, name),
      ...cells.map((text) => make("td", {}, text)),
    );
  });
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}
