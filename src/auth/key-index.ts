import { timingSafeEqual } from 'node:crypto';
import { type ApiKey, type Principal } from '../kernel/snapshot.js';
import { hasValidChecksum, looksMinted } from './api-key-format.js';
import { KeyDigester, MAX_KEY_BYTES } from './key-digest.js';

const DIGEST_BYTES = 32;

/** Whose a key is, and until when. */
export interface KeyOwner {
  readonly principal: Principal;
  /** Wall clock ms. */
  readonly expiresAt: number;
}

interface Entry {
  readonly digest: Buffer;
  readonly owner: KeyOwner | undefined;
}

// Compared with where nothing was found, so that a miss does the same work as a hit.
const NOBODY: Entry = { digest: Buffer.alloc(DIGEST_BYTES), owner: undefined };

/**
 * Finds who a bearer is. One digest and one comparison whether it is known, unknown or malformed;
 * looked up by its digest, so that timing tells nothing of the secrets. Built once per snapshot.
 */
export class KeyIndex {
  readonly #byDigest = new Map<string, Entry>();
  readonly #digester: KeyDigester;
  readonly #presented = Buffer.alloc(DIGEST_BYTES);

  constructor(keys: readonly ApiKey[], pepper: string | undefined) {
    this.#digester = new KeyDigester(pepper);
    for (const key of keys) {
      const { secret, digests } = key;
      for (const hex of digests) this.#add(Buffer.from(hex, 'hex').toString('binary'), key);
      if (secret !== undefined && fits(secret.reveal())) this.#add(this.#digester.digest(secret.reveal()), key);
    }
  }

  /**
   * The owner of a bearer token of at most 256 bytes; undefined where it is nobody's, or nobody's any more.
   * @param wallMs now
   */
  find(bearer: string, wallMs: number): KeyOwner | undefined {
    const wellFormed = fits(bearer) && (!looksMinted(bearer) || hasValidChecksum(bearer));
    const digest = this.#digester.digest(wellFormed ? bearer : '');
    const entry = this.#byDigest.get(digest) ?? NOBODY;
    this.#presented.write(digest, 'binary');
    const same = timingSafeEqual(this.#presented, entry.digest);
    const { owner } = entry;
    return same && wellFormed && owner !== undefined && wallMs < owner.expiresAt ? owner : undefined;
  }

  #add(digest: string, { principal, expiresAt = Infinity }: ApiKey): void {
    this.#byDigest.set(digest, { digest: Buffer.from(digest, 'binary'), owner: { principal, expiresAt } });
  }
}

function fits(key: string): boolean {
  return Buffer.byteLength(key) <= MAX_KEY_BYTES;
}
