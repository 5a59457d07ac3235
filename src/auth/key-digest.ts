import { hash, randomBytes } from 'node:crypto';

/** The longest key that is digested, bytes of UTF-8. */
export const MAX_KEY_BYTES = 256;
/** SHA-256's block and digest. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 of keys under the pepper, a secret of the server that no file holds: 256-bit random keys need no
 * slow hash, and one would let anybody burn our CPU. Without a pepper a random one serves: literal secrets are
 * digested anew at each start.
 *
 * Put together by RFC 2104 from one-shot hashes, which cost a third of a `createHmac`.
 */
export class KeyDigester {
  readonly #inner = Buffer.alloc(BLOCK_BYTES + MAX_KEY_BYTES, INNER_PAD);
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, OUTER_PAD);

  constructor(pepper: string | undefined) {
    const given = pepper === undefined ? randomBytes(DIGEST_BYTES) : Buffer.from(pepper);
    const secret = given.length > BLOCK_BYTES ? hash('sha256', given, 'buffer') : given;
    for (const [at, byte] of secret.entries()) {
      this.#inner[at] = byte ^ INNER_PAD;
      this.#outer[at] = byte ^ OUTER_PAD;
    }
  }

  /** 32 bytes, one per character. `key` is at most MAX_KEY_BYTES long: what is beyond is not looked at. */
  digest(key: string): string {
    const length = this.#inner.write(key, BLOCK_BYTES, 'utf8');
    const inner = hash('sha256', this.#inner.subarray(0, BLOCK_BYTES + length), 'binary');
    this.#outer.write(inner, BLOCK_BYTES, 'binary');
    return hash('sha256', this.#outer, 'binary');
  }

  /** As the gateway file takes it. */
  format(key: string): string {
    return `hmac-sha256:${Buffer.from(this.digest(key), 'binary').toString('hex')}`;
  }
}
