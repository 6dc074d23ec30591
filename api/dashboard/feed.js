// What the tracker says, live: its event stream, or polls with ETags while that is not to be had.

const SILENCE = 25_000; // ms; a heartbeat comes every ten seconds
const POLL = 5_000;
const LATE = 12_000; // a poll this old is no longer "polling", it is "lost"

/** The tracker's wall clock, learnt from what it sends: the browser's may be wrong. */
export const server = {
  skew: 0,
  now: () => Date.now() + server.skew,
  learn(at) {
    const skew = Date.parse(at) - Date.now();
    server.skew = Math.abs(skew) < 2_000 ? 0 : skew;
  },
};

/** JSON of a GET; null for a 304. Raises an Error with the tracker's own sentence. */
export async function ask(path, options = {}) {
  const response = await fetch(path, { signal: AbortSignal.timeout(20_000), ...options });
  if (response.status === 304) return null;
  const body = await response.json().catch(() => null);
  if (response.ok || (response.status === 503 && !body?.detail)) return body;
  throw new Error(body?.detail ?? `the tracker answered ${response.status}`);
}

export class Feed {
  #source = null;
  #etags = new Map();
  #heard = 0; // by the browser's clock
  #streaming = false;
  #failures = 0;
  #due = 0;

  /** take: {snapshot, provider, best}, each called with what came. */
  constructor(take) {
    this.take = take;
    this.#open();
  }

  /** {state: "live" | "polling" | "lost" | "starting", age: seconds since anything came}. */
  get condition() {
    const age = (Date.now() - this.#heard) / 1000;
    if (!this.#heard) return { state: this.#failures ? "lost" : "starting", age: null };
    if (this.#streaming) return { state: "live", age };
    return { state: age * 1000 < LATE ? "polling" : "lost", age };
  }

  /** Call about once a second. */
  tick() {
    const now = Date.now();
    if (this.#source && this.#streaming && now - this.#heard > SILENCE) this.#close();
    if (this.#streaming || now < this.#due) return;
    this.#due = now + POLL;
    if (!this.#source || this.#source.readyState === EventSource.CLOSED) this.#open();
    this.#poll();
  }

  #open() {
    this.#source?.close();
    const source = new EventSource("api/providers/events");
    this.#source = source;
    const on = (kind, use) =>
      source.addEventListener(kind, (event) => {
        this.#hear();
        use(JSON.parse(event.data));
      });
    on("snapshot", (data) => this.take.snapshot(data, data.best));
    on("provider", (data) => this.take.provider(data));
    on("best", (data) => this.take.best(data));
    on("heartbeat", (data) => server.learn(data.timestamp));
    source.onopen = () => this.#hear();
    source.onerror = () => {
      this.#streaming = false;
      this.#failures += 1;
    };
  }

  #hear() {
    this.#heard = Date.now();
    this.#streaming = true;
    this.#failures = 0;
  }

  #close() {
    this.#source.close();
    this.#source = null;
    this.#streaming = false;
  }

  async #poll() {
    try {
      const [status, best] = await Promise.all([this.#get("status"), this.#get("best")]);
      if (this.#streaming) return; // what the stream says is newer
      this.#heard = Date.now();
      if (status) this.take.snapshot(status, best);
      else if (best) this.take.best(best);
    } catch {
      this.#failures += 1;
    }
  }

  async #get(what) {
    const path = `api/providers/${what}`;
    const headers = this.#etags.has(what) ? { "If-None-Match": this.#etags.get(what) } : {};
    const signal = AbortSignal.timeout(POLL);
    const response = await fetch(path, { headers, signal, cache: "no-store" });
    if (response.status === 304) return null;
    if (!response.ok && response.status !== 503) throw new Error(response.statusText);
    this.#etags.set(what, response.headers.get("ETag"));
    return response.json();
  }
}
