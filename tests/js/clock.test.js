// The tracker's clock: what was held back must not make it look slow.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../api/dashboard/clock.js";

const at = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();

test("a small difference is the way of the message", () => {
  const clock = new ServerClock();
  clock.learn(at(-1));
  assert.equal(clock.skew, 0);
});

test("a browser that is an hour behind is put right", () => {
  const clock = new ServerClock();
  clock.learn(at(3600));
  assert.ok(Math.abs(clock.skew - 3_600_000) < 1000);
});

test("a heartbeat of before a night's sleep, delivered after it, changes nothing", () => {
  const clock = new ServerClock();
  clock.learn(at(0));
  clock.learn(at(-8 * 3600));
  assert.equal(clock.skew, 0);
});

test("a clock that was set is followed within three heartbeats", () => {
  const clock = new ServerClock();
  clock.learn(at(0));
  for (let beat = 0; beat < 3; beat += 1) clock.learn(at(-7200));
  assert.ok(Math.abs(clock.skew + 7_200_000) < 1000);
});
