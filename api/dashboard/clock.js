// The tracker's wall clock, learnt from what it sends: the browser's may be wrong.

const KEPT = 3;
const EXACT = 2_000; // ms; a smaller difference is the way of the message

export class ServerClock {
  /** @type {number[]} */
  #seen = [];
  skew = 0;

  now = () => Date.now() + this.skew;

  /**
   * A message that was held back, as by a browser that slept, makes the tracker's clock look
   * slow, never fast: of the last few the latest is right.
   * @param {string} at
   */
  learn(at) {
    this.#seen = [...this.#seen, Date.parse(at) - Date.now()].slice(-KEPT);
    const skew = Math.max(...this.#seen);
    this.skew = Math.abs(skew) < EXACT ? 0 : skew;
  }

  /** What was learnt before a sleep may be of another clock. */
  forget() {
    this.#seen = [];
  }
}

export const server = new ServerClock();
