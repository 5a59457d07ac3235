// Streams whose events say when they were sent, so that a caller knows how long each was under way.

/** CLOCK_MONOTONIC, which all processes of a machine share, µs. */
export function nowUs() {
  const [seconds, nanoseconds] = process.hrtime();
  return Math.floor(seconds * 1e6 + nanoseconds / 1e3);
}

const MARK = ' @';

/** The text of an event sent at `us`. */
export const sentAt = (us) => `${MARK}${us}`;

/** @returns the send times in `text`, µs; an event that was cut in two is left out */
export function sendTimes(text) {
  const times = [];
  for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + MARK.length)) {
    const end = text.indexOf('"', at);
    if (end > 0) times.push(Number(text.slice(at + MARK.length, end)));
  }
  return times;
}

/** Multiples of it, modulo 1, lie evenly in 0 to 1 however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The slot of the `n`th stream: any number of streams in a row are spread evenly over all slots. */
export const slotOf = (n, slots) => Math.floor(((n * GOLDEN) % 1) * slots);

/** Calls `send(stream)` once per interval for each stream, at all times equally many of them. */
export class EvenTicker {
  #slots;
  #send;
  #added = 0;
  #timer;
  #doneMs = 0;

  constructor(intervalMs, send) {
    this.#slots = Array.from({ length: intervalMs }, () => new Set());
    this.#send = send;
  }

  add(stream) {
    const slot = this.#slots[slotOf(this.#added++, this.#slots.length)];
    slot.add(stream);
    if (this.#timer === undefined) this.#start();
    return () => slot.delete(stream);
  }

  #start() {
    this.#doneMs = Math.floor(performance.now());
    this.#timer = setInterval(() => this.#tick(Math.floor(performance.now())), 1);
  }

  #tick(nowMs) {
    while (this.#doneMs < nowMs) {
      this.#doneMs++;
      for (const stream of this.#slots[this.#doneMs % this.#slots.length]) this.#send(stream);
    }
  }
}
