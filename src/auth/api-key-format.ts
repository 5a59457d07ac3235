import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Secret scanners find our keys by it. */
export const KEY_PREFIX = 'gw_live_';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = 62n;
const SECRET_BYTES = 32;
/** 62^43 exceeds 2^256, and 62^6 exceeds 2^32. */
const SECRET_CHARACTERS = 43;
const CHECK_CHARACTERS = 6;

/** A new key: prefix, 256 random bits in base 62, checksum. Shown once, stored only as a digest. */
export function mintKey(): string {
  const secret = base62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), SECRET_CHARACTERS);
  return KEY_PREFIX + secret + checksum(secret);
}

/** Whether a bearer claims to be a key of our making; keys of the file may have any form. */
export function looksMinted(bearer: string): boolean {
  return bearer.startsWith(KEY_PREFIX);
}

/** Whether a minted key was typed or copied wrongly: found without a look-up. */
export function hasValidChecksum(key: string): boolean {
  if (key.length !== KEY_PREFIX.length + SECRET_CHARACTERS + CHECK_CHARACTERS) return false;
  const secret = key.slice(KEY_PREFIX.length, -CHECK_CHARACTERS);
  return key.endsWith(checksum(secret));
}

/** What a log may show of a key. */
export function maskKey(key: string): string {
  return looksMinted(key) ? `${KEY_PREFIX}…${key.slice(-4)}` : '…';
}

function checksum(secret: string): string {
  return base62(BigInt(crc32(secret)), CHECK_CHARACTERS);
}

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= BASE) text = ALPHABET.charAt(Number(rest % BASE)) + text;
  return text;
}
