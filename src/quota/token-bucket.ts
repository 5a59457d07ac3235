/** Parts of a token: refill per µs is then the limit per minute itself, and no fraction is ever lost. */
const PARTS = 60_000_000;

/**
 * Token bucket in integers: the balance counts 1/60,000,000 of a token, so that elapsed µs times tokens per minute
 * is exact for any polling pattern (limits up to 150,000,000 per minute stay below 2^53). It holds one minute's
 * worth. Settlements may overdraw it by as much again: the debt is paid by refill before anyone is admitted.
 */
export class TokenBucket {
  #parts: number;
  #atUs: number;
  #perMinute: number;

  constructor(perMinute: number, nowUs: number) {
    this.#perMinute = perMinute;
    this.#parts = perMinute * PARTS;
    this.#atUs = nowUs;
  }

  /** Refills up to now, at a limit that a reload may have changed. */
  advance(nowUs: number, perMinute: number): void {
    if (nowUs === this.#atUs && perMinute === this.#perMinute) return;
    this.#parts = refill(Math.min(this.#parts, perMinute * PARTS), Math.max(0, nowUs - this.#atUs), perMinute);
    this.#perMinute = perMinute;
    this.#atUs = nowUs;
  }

  /** Until `tokens`, which must fit the bucket, could be taken, µs; 0 = now. Call `advance` first. */
  waitUs(tokens: number): number {
    const missing = tokens * PARTS - this.#parts;
    return missing <= 0 ? 0 : ceilDivide(missing, this.#perMinute);
  }

  /** Takes tokens, or gives back where negative. */
  take(tokens: number): void {
    const capacity = this.#perMinute * PARTS;
    // Bounded first: a number of tokens beyond the bucket times PARTS would leave the exact range.
    const change = Math.min(Math.max(tokens, -2 * this.#perMinute), 2 * this.#perMinute) * PARTS;
    this.#parts = Math.min(Math.max(this.#parts - change, -capacity), capacity);
  }

  /** Whether it is full by now, refilled at the limit that it had last. */
  isFull(nowUs: number): boolean {
    this.advance(nowUs, this.#perMinute);
    return this.resetUs === 0;
  }

  get remaining(): number {
    return Math.max(0, Math.floor(this.#parts / PARTS));
  }

  /** Until the bucket is full, µs. */
  get resetUs(): number {
    return ceilDivide(this.#perMinute * PARTS - this.#parts, this.#perMinute);
  }
}

// Debt and credit are refilled in turn: their sum could leave the exact range.
function refill(parts: number, elapsedUs: number, perMinute: number): number {
  let elapsed = elapsedUs;
  let balance = parts;
  if (balance < 0) {
    const untilZero = ceilDivide(-balance, perMinute);
    if (elapsed < untilZero) return balance + elapsed * perMinute;
    balance += untilZero * perMinute;
    elapsed -= untilZero;
  }
  const capacity = perMinute * PARTS;
  return elapsed >= ceilDivide(capacity - balance, perMinute) ? capacity : balance + elapsed * perMinute;
}

// The quotient of two doubles may round to an integer just below the true one: checked by multiplying back.
function ceilDivide(dividend: number, divisor: number): number {
  const quotient = Math.floor(dividend / divisor);
  return quotient * divisor < dividend ? quotient + 1 : quotient;
}
