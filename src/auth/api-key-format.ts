import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'gw_live_';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_BYTES = 32;
/** 32 bytes are at most 43 digits of base 62, a CRC-32 at most 6. */
const SECRET_DIGITS = 43;
const CHECK_DIGITS = 6;

/** A new API key: `gw_live_`, 256 bits of chance, a checksum that secret scanners can verify. */
export function createApiKey(): string {
  const secret = base62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), SECRET_DIGITS);
  return PREFIX + secret + checksum(secret);
}

/**
 * Whether a bearer that claims to be one of ours by its prefix has a wrong shape or checksum: it can be refused
 * without a look-up. Bearers without the prefix are never damaged: any text of 16 characters may be a key.
 */
export function isDamaged(bearer: string): boolean {
  if (!bearer.startsWith(PREFIX)) return false;
  if (bearer.length !== PREFIX.length + SECRET_DIGITS + CHECK_DIGITS) return true;
  const secret = bearer.slice(PREFIX.length, -CHECK_DIGITS);
  return bearer.slice(-CHECK_DIGITS) !== checksum(secret);
}

function checksum(secret: string): string {
  return base62(BigInt(crc32(secret)), CHECK_DIGITS);
}

function base62(value: bigint, digits: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = BASE62.charAt(Number(rest % 62n)) + text;
  return text.padStart(digits, '0');
}
