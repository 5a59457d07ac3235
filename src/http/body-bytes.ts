import { giveBack } from '../kernel/returned-memory.js';

/** A body takes room for this many times what has come, at most: who announces much and sends little holds little. */
const GROWTH = 4;

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Puts the pieces of a body together as they come, so that no step of it takes the time of the whole. A body that comes
 * in one piece is that piece.
 */
export class BodyBytes {
  #room = NOTHING;
  #size = 0;

  /** @param most no body is longer, bytes: what was announced, or what is allowed */
  constructor(private readonly most: number) {}

  /** What has come, bytes. */
  get size(): number {
    return this.#size;
  }

  /** `piece` is the body's from now on: what is large and copied is empty afterwards. */
  add(piece: Buffer): void {
    const { length } = piece;
    if (this.#size === 0) this.#room = piece;
    else {
      const needed = this.#size + length;
      if (needed > this.#room.length) this.#grow(needed);
      piece.copy(this.#room, this.#size);
      giveBack(piece);
    }
    this.#size += length;
  }

  /** All that has come; to be asked for once, at the end. */
  take(): Buffer {
    return this.#room.length === this.#size ? this.#room : this.#room.subarray(0, this.#size);
  }

  #grow(needed: number): void {
    const room = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.most, GROWTH * needed)));
    this.#room.copy(room, 0, 0, this.#size);
    giveBack(this.#room);
    this.#room = room;
  }
}
