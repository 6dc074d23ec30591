// Which rows are shown, in which order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { countStatuses, matches, ordered } from "../../api/dashboard/order.js";

const provider = (name, changes = {}) => ({
  name,
  status: "healthy",
  usable: true,
  enabled: true,
  stale: false,
  response: 100,
  p95: 200,
  day: 100,
  limit: null,
  last: 5,
  cost: 100,
  outcome: "ok",
  error: "",
  reason: "",
  failures: 0,
  ...changes,
});

const names = (providers, order, places = new Map()) =>
  ordered(providers, order, places).map(({ name }) => name);

test("the worst come first, those out of use before those in use, those not watched last", () => {
  const all = [
    provider("well"),
    provider("off", { status: "unknown", enabled: false, usable: false }),
    provider("slow", { status: "degraded" }),
    provider("spent", { status: "degraded", usable: false }),
    provider("gone", { status: "down", usable: false }),
    provider("new", { status: "unknown", usable: false }),
  ];
  assert.deepEqual(names(all, "status"), ["gone", "spent", "slow", "new", "well", "off"]);
});

test("the ranking's own order counts, and behind it the expected time", () => {
  const all = [
    provider("c", { cost: 5 }),
    provider("b", { cost: 1 }),
    provider("a", { cost: 9 }),
    provider("z", { usable: false, cost: null }),
  ];
  const places = new Map([
    ["a", 1],
    ["c", 2],
  ]);
  assert.deepEqual(names(all, "ranking", places), ["a", "c", "b", "z"]);
});

test("what is not known stands last in an order by figures", () => {
  const all = [provider("none", { response: null }), provider("b", { response: 2 }), provider("a", { response: 2 })];
  assert.deepEqual(names(all, "latency"), ["a", "b", "none"]);
  assert.deepEqual(names([provider("x", { limit: null }), provider("y", { limit: 0 })], "limit"), ["y", "x"]);
});

test("any order holds everybody exactly once", () => {
  const all = Array.from({ length: 50 }, (_, n) =>
    provider(`p${n}`, { response: n % 3 ? n : null, day: n % 4 ? n : null, usable: n % 5 > 0, cost: n % 5 ? n : null }),
  );
  for (const order of ["status", "ranking", "name", "latency", "p95", "uptime", "limit", "checked", "nonsense"])
    assert.deepEqual(new Set(names(all, order)), new Set(all.map(({ name }) => name)));
});

test("a filter looks at name, cause and fault, in any case", () => {
  const failing = provider("groq", { status: "down", outcome: "server", error: "HTTP 500" });
  const filter = (text) => ({ text, statuses: new Set() });
  for (const text of ["gro", "http 500", "their fault", "down"]) assert.ok(matches(failing, filter(text)), text);
  assert.ok(!matches(failing, filter("mistral")));
  assert.ok(!matches(failing, { text: "", statuses: new Set(["healthy"]) }));
});

test("statuses are counted, absent ones as nought", () => {
  assert.deepEqual(countStatuses([provider("a"), provider("b", { status: "down" })]), {
    healthy: 1,
    degraded: 0,
    down: 1,
    unknown: 0,
  });
});
