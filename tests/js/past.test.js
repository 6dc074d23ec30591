// Cells of the strips: a failing cell shows the share that failed.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { getElementById: () => null };
const { Past, judge } = await import("../../api/dashboard/past.js");
const { boxes } = await import("../../api/dashboard/strip.js");

const counts = (up, failures, average = 100) => ({ checks: up + failures, up, failures, sum: average * up, p95: null });

test("a cell is judged by its counts", () => {
  assert.deepEqual(judge(counts(0, 0), 1000), { kind: "limited", share: 0 });
  assert.deepEqual(judge(counts(5, 0), 1000), { kind: "up", share: 0 });
  assert.deepEqual(judge(counts(5, 0, 1500), 1000), { kind: "slow", share: 0 });
  assert.deepEqual(judge(counts(3, 1), 1000), { kind: "failing", share: 0.25 });
});

test("the red of a cell is its share, seen even where it is small, whole only where all failed", () => {
  const red = (share) => boxes({ kind: "failing", share }).find(([kind]) => kind === "down")[2];
  assert.equal(red(0.001), 4);
  assert.equal(red(0.5), 12);
  assert.equal(red(0.999), 20);
  assert.equal(red(1), 24);
  for (let share = 0.01; share < 1; share += 0.01) assert.ok(red(share) <= red(share + 0.01));
});

test("live checks are counted once each, in the cell of their time", async () => {
  const cell = Math.floor(Date.now() / 1000 / 900);
  globalThis.fetch = async () => ({
    ok: true,
    status: 200,
    json: async () => ({ away: "", providers: { a: { slow: 1000, cells: [[cell - 1, 2, 1, 50, 80, 90]] } } }),
  });
  await new Promise((resolve) => {
    const past = new Past(
      () => resolve(past),
      (why) => assert.equal(why, ""),
    );
    past.want("a");
  }).then((past) => {
    const at = cell * 900 + 1;
    const row = { name: "a", outcome: "ok", response: 50 };
    assert.equal(past.note({ ...row, last: at - 900 }), false); // the first is in what was read
    assert.equal(past.note({ ...row, last: at }), true);
    assert.equal(past.note({ ...row, last: at }), false);
    const found = past.cells("a", 300);
    assert.equal(found.length, 96);
    const by = new Map(found.map((each) => [each.number, each]));
    assert.deepEqual([by.get(cell - 1).kind, by.get(cell - 1).share], ["failing", 0.5]);
    assert.equal(by.get(cell).counts.checks, 1);
    assert.equal(by.get(cell - 2).kind, "none");
  });
});
