// What the tracker says, live: its event stream, or polls with ETags while that is not to be had.

const SILENCE = 25_000; // ms; a heartbeat comes every ten seconds
const POLL = 5_000;
const RETRY = 1_500; // the browser itself tries the stream again two seconds after its end
const PATIENCE = 4_000; // a stream that is back within this was no loss worth an alarm

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
  #etags = new Map(); // of the answers that were taken, while nothing newer came
  #began = Date.now();
  #heard = 0; // by the browser's clock
  #streaming = false;
  #polled = false; // the last poll was answered
  #due = 0;

  /** take: {snapshot, provider, best}, each called with what came. */
  constructor(take) {
    this.take = take;
    this.#open();
  }

  /** state: starting, live, polling, waiting or lost; age: seconds since anything came. */
  get condition() {
    const waited = Date.now() - (this.#heard || this.#began);
    const age = this.#heard ? waited / 1000 : null;
    if (this.#streaming) return { state: "live", age };
    if (this.#polled) return { state: "polling", age };
    if (waited > PATIENCE) return { state: "lost", age };
    return { state: this.#heard ? "waiting" : "starting", age };
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
    this.#etags = new Map();
  }

  #close() {
    this.#source.close();
    this.#source = null;
    this.#streaming = false;
  }

  async #poll() {
    const known = this.#etags;
    try {
      const [status, best] = await Promise.all([get("status", known), get("best", known)]);
      if (known !== this.#etags) return; // what the stream said meanwhile is newer
      this.#heard = Date.now();
      this.#polled = true;
      known.set("status", status.etag).set("best", best.etag);
      if (status.body) this.take.snapshot(status.body, best.body);
      else if (best.body) this.take.best(best.body);
    } catch {
      this.#polled = false;
    }
  }
}

/** body: null where the known answer is still right. */
async function get(what, known) {
  const headers = known.has(what) ? { "If-None-Match": known.get(what) } : {};
  const signal = AbortSignal.timeout(POLL);
  const response = await fetch(`api/providers/${what}`, { headers, signal, cache: "no-store" });
  if (response.status === 304) return { etag: known.get(what), body: null };
  if (!response.ok && response.status !== 503) throw new Error(response.statusText);
  return { etag: response.headers.get("ETag"), body: await response.json() };
}
