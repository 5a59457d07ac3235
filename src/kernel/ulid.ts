import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_CHARACTERS = 16;
const pool = new Uint8Array(RANDOM_CHARACTERS * 256);
let used = pool.length;

/**
 * A ULID: 48 bits of time, 80 of chance, sortable, 26 characters of Crockford's base 32 (github.com/ulid/spec).
 * @param wallMs milliseconds since the epoch
 */
export function ulid(wallMs: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  if (wallMs !== lastMs) {
    lastMs = wallMs;
    lastTime = timePart(wallMs);
  }
  let id = lastTime;
  for (let end = used + RANDOM_CHARACTERS; used < end; used++) id += ALPHABET.charAt((pool[used] ?? 0) & 31);
  return id;
}

let lastMs = -1;
let lastTime = '';

function timePart(wallMs: number): string {
  let time = '';
  for (let rest = wallMs, digit = 0; digit < 10; digit++) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  return time;
}
