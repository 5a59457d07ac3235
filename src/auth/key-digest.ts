import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

/**
 * HMAC-SHA-256 of keys under the pepper, a secret of the server that no file holds: 256-bit random keys need no
 * slow hash, and one would let anybody burn our CPU. Without a pepper a random one serves: literal secrets are
 * digested anew at each start.
 */
export class KeyDigester {
  readonly #pepper: KeyObject;

  constructor(pepper: string | undefined) {
    this.#pepper = createSecretKey(pepper === undefined ? randomBytes(32) : Buffer.from(pepper));
  }

  digest(key: string): Buffer {
    return createHmac('sha256', this.#pepper).update(key).digest();
  }

  /** As the gateway file takes it. */
  format(key: string): string {
    return `hmac-sha256:${this.digest(key).toString('hex')}`;
  }
}
