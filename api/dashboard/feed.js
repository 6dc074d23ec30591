// What the tracker says, live: its event stream, or polls with ETags while the stream is unavailable.

import { server } from "./clock.js";

/** @typedef {import("./types").Take} Take */
/** @typedef {import("./types").FeedState} FeedState */

const SILENCE = 25_000; // ms; a heartbeat comes every ten seconds
const POLL = 5_000;
const POLL_MANY = 30_000; // a megabyte is nothing to ask for every five seconds
const MANY = 500_000; // characters
const RETRY = 1_500; // the browser itself tries the stream again two seconds after its end
const PATIENCE = 4_000; // a stream that is back within this was no loss worth an alarm
const SLEPT = 90_000; // ms between two ticks; a hidden tab still gets one a minute
const DATA = "dashboard/data/";

/**
 * JSON of a GET; null for a 304. Raises an Error with the tracker's own sentence.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, options = {}) {
  const response = await fetch(path, { signal: AbortSignal.timeout(20_000), ...options });
  if (response.status === 304) return null;
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Error(body?.detail ?? `the tracker answered ${response.status}`);
}

export class Feed {
  /** @type {EventSource | null} */
  #source = null;
  /** @type {string | null} */
  #etag = null; // of the answer that was taken, while nothing newer came
  #began = Date.now();
  #heard = 0; // by the browser's clock
  #ticked = Date.now();
  #streaming = false;
  #polled = false; // the last poll was answered
  #due = Date.now() + RETRY; // the stream usually comes at once, and has the same
  #every = POLL;

  /** @param {Take} take called with what came */
  constructor(take) {
    this.take = take;
    this.#open();
  }

  /**
   * age: seconds since anything came.
   * @returns {{state: FeedState, age: number | null}}
   */
  get condition() {
    const waited = Date.now() - (this.#heard || this.#began);
    const age = this.#heard ? waited / 1000 : null;
    if (this.#streaming) return { state: "live", age };
    if (this.#polled) return { state: "polling", age };
    if (waited > PATIENCE) return { state: "lost", age };
    return { state: this.#heard ? "waiting" : "starting", age };
  }

  /** Call about once a second, and when the page is seen again. */
  tick() {
    const now = Date.now();
    if (Math.abs(now - this.#ticked) > SLEPT) this.#wake();
    this.#ticked = now;
    if (this.#source && this.#streaming && now - this.#heard > SILENCE) this.#close();
    if (this.#streaming || now < this.#due) return;
    this.#due = now + this.#every;
    if (!this.#source || this.#source.readyState === EventSource.CLOSED) this.#open();
    this.#poll();
  }

  /**
   * The page is left: a browser may keep it, to go back to, and its stream with it. Six of those, and
   * no request to this tracker gets a connection any more. The next tick opens it again.
   */
  rest() {
    this.#close();
    this.#due = 0;
  }

  /** The computer slept: the stream may be dead, and what it held back is old. */
  #wake() {
    server.forget();
    this.rest();
  }

  #open() {
    this.#source?.close();
    const source = new EventSource(`${DATA}events`);
    this.#source = source;
    /**
     * @param {string} kind
     * @param {(data: any) => void} use
     */
    const on = (kind, use) =>
      source.addEventListener(kind, (event) => {
        if (source !== this.#source) return; // closed, with events still in transit
        this.#hear();
        use(JSON.parse(event.data));
      });
    on("snapshot", (data) => this.take.snapshot(data));
    on("rows", (data) => this.take.rows(data));
    on("best", (data) => this.take.best(data));
    on("incidents", (data) => this.take.incidents(data));
    on("heartbeat", (data) => {
      server.learn(data.timestamp);
      this.take.health(data.health);
    });
    source.onerror = () => {
      this.#streaming = false;
      this.#polled = false;
      this.#due = Date.now() + RETRY;
    };
  }

  /** An event came: an open stream alone may be one whose content a proxy holds back. */
  #hear() {
    this.#heard = Date.now();
    this.#streaming = true;
    this.#etag = null;
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    this.#streaming = false;
    this.#polled = false;
  }

  async #poll() {
    try {
      /** @type {Record<string, string>} */
      const headers = this.#etag === null ? {} : { "If-None-Match": this.#etag };
      const signal = AbortSignal.timeout(POLL);
      const response = await fetch(`${DATA}overview`, { headers, signal, cache: "no-store" });
      if (response.status !== 304 && !response.ok) throw new Error(response.statusText);
      const body = response.status === 304 ? null : await response.text();
      if (this.#streaming) return; // what the stream said meanwhile is newer
      this.#heard = Date.now();
      this.#polled = true;
      this.#etag = response.headers.get("ETag");
      if (body !== null) this.#every = body.length > MANY ? POLL_MANY : POLL;
      if (body !== null) this.take.snapshot(JSON.parse(body));
    } catch {
      this.#polled = false;
    }
  }
}
