// How values read.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as words from "../../api/dashboard/words.js";

test("what acts unseen becomes a sign that is seen", () => {
  assert.equal(words.plain("\u001b[31mred\u202egnp.exe\u0000"), "\ufffd[31mred\ufffdgnp.exe\ufffd");
  assert.equal(words.plain("שלום, größer: 大"), "שלום, größer: 大");
});

test("what is not known is no number", () => {
  for (const show of [words.ms, words.percent, words.amount]) {
    assert.equal(show(null), "–");
    assert.equal(show(undefined), "–");
  }
});

test("a whole percentage has no decimals, and nearly all is not all", () => {
  assert.equal(words.percent(100), "100 %");
  assert.equal(words.percent(99.996), "99.99 %");
  assert.equal(words.percent(0.001), "0.01 %");
  assert.equal(words.percent(0), "0 %");
  assert.equal(words.percent(99.2), "99.2 %");
});

test("durations name the two units that matter", () => {
  assert.equal(words.duration(59.4), "59 s");
  assert.equal(words.duration(720), "12 min");
  assert.equal(words.duration(3 * 3600 + 12 * 60), "3 h 12 min");
  assert.equal(words.duration(86_400 * 3), "3 d");
  assert.equal(words.duration(-5), "0 s");
});

test("the cause comes first, the count after it, and nothing twice", () => {
  const row = { status: "down", reason: "", failures: 48 };
  assert.equal(
    words.why({ ...row, outcome: "connect", error: "no connection to 127.0.0.1:9: refused" }),
    "The network: no connection to 127.0.0.1:9: refused (48 checks in a row)",
  );
  assert.equal(
    words.why({ ...row, outcome: "server", error: "HTTP 500", failures: 1 }),
    "Their fault: server error: HTTP 500",
  );
  assert.equal(words.why({ ...row, outcome: "timeout", error: "" }), "Them or the network: no answer in time (48 checks in a row)");
});

test("a sentence of the tracker's own is told as it is", () => {
  const row = { status: "degraded", outcome: "slow", error: "", failures: 0, reason: "slow: 2 of 3" };
  assert.equal(words.why(row), "Slow: 2 of 3");
  assert.equal(words.why({ ...row, status: "healthy", outcome: "ok", reason: "" }), "");
});

test("a check that is due is not late", () => {
  const now = 1_000_000;
  assert.equal(words.until(now + 90_000, now), "next in 1 min");
  assert.equal(words.until(now - 2_000, now), "checking");
  assert.equal(words.until(now - 61_000, now), "1 min late");
});

test("a model's announced end follows what is said of it", () => {
  assert.equal(words.withEnd("Last check ok in 20 ms", "2026-08-16"), "Last check ok in 20 ms; will be switched off on 2026-08-16.");
  assert.equal(words.withEnd("", "2026-08-16"), "Will be switched off on 2026-08-16.");
  assert.equal(words.withEnd("Listed; not checked itself.", null), "Listed; not checked itself.");
});
