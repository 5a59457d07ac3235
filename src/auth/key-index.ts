import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type ApiKey, type Principal } from '../kernel/snapshot.js';
import { digestKey } from './key-digest.js';

interface Entry {
  readonly digest: Buffer;
  readonly principal: Principal;
}

const MAX_KEY_BYTES = 256;

/** Finds who a key belongs to with the same work for every key, known or not: one digest, one comparison. */
export class KeyIndex {
  readonly #entries = new Map<string, Entry>();
  /** Compared with where nothing is found. */
  readonly #nobody = randomBytes(32);

  /** @param pepper of the file's digests; keys given as secrets are digested with it, too */
  constructor(
    keys: readonly ApiKey[],
    private readonly pepper: string,
  ) {
    for (const { principal, secret, digests } of keys) {
      const own = secret ? [digestKey(secret.reveal(), pepper)] : [];
      for (const digest of [...own, ...digests.map((hex) => Buffer.from(hex, 'hex'))]) {
        this.#entries.set(digest.toString('latin1'), { digest, principal });
      }
    }
  }

  /** undefined for a key that is unknown, or longer than 256 bytes. */
  find(key: string): Principal | undefined {
    const digest = digestKey(key.length <= MAX_KEY_BYTES ? key : '', this.pepper);
    const entry = this.#entries.get(digest.toString('latin1'));
    const same = timingSafeEqual(digest, entry?.digest ?? this.#nobody);
    return same ? entry?.principal : undefined;
  }
}
