import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ALPHABET_BYTES = Buffer.from(ALPHABET);
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;
const text = Buffer.alloc(TIME_CHARACTERS + RANDOM_CHARACTERS);
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
    text.write(timePart(wallMs), 'latin1');
  }
  for (let at = TIME_CHARACTERS; at < text.length; at++) text[at] = ALPHABET_BYTES[(pool[used++] ?? 0) & 31] ?? 0;
  return text.toString('latin1');
}

let lastMs = -1;

function timePart(wallMs: number): string {
  let time = '';
  for (let rest = wallMs, digit = 0; digit < TIME_CHARACTERS; digit++) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  return time;
}
