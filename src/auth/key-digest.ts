import { createHmac } from 'node:crypto';

/** How digests are written in the gateway file. */
export const DIGEST_PREFIX = 'hmac-sha256:';

/** HMAC-SHA-256 of a key: 256 random bits need no slow hash, and a pepper keeps digests useless to who only has the file. */
export function digestKey(key: string, pepper: string): Buffer {
  return createHmac('sha256', pepper).update(key).digest();
}
