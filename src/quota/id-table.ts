/** Places at the start; a power of two. */
const PLACES = 64;
/** Of an id, from its end: a ULID's chance stands there. */
const HASHED_CHARACTERS = 10;

/**
 * Values by id, for what comes and goes with every request: a hash table with linear probing that closes the gap where
 * something is removed (Knuth, The Art of Computer Programming, 6.4, algorithm R). A Map does the same for more: it is
 * made anew every few dozen changes, the tables that it outgrows end in V8's old generation, and each keeps alive all that it
 * named until the next full collection. Here places are overwritten, and it is made anew only to grow.
 */
export class IdTable<Value> {
  #ids: (string | undefined)[] = new Array<string | undefined>(PLACES).fill(undefined);
  #values: (Value | undefined)[] = new Array<Value | undefined>(PLACES).fill(undefined);
  /** Of the ids; 0 where a place is free. */
  #hashes = new Uint32Array(PLACES);
  #mask = PLACES - 1;
  #size = 0;

  get(id: string): Value | undefined {
    return this.#values[this.#find(id, hashOf(id))];
  }

  /** Adds a value, or replaces that of an id that is there. */
  set(id: string, value: Value): void {
    if (this.#size * 2 > this.#mask) this.#grow();
    const hash = hashOf(id);
    const at = this.#find(id, hash);
    if (this.#hashes[at] === 0) this.#size++;
    this.#put(at, id, value, hash);
  }

  delete(id: string): void {
    let gap = this.#find(id, hashOf(id));
    if (this.#hashes[gap] === 0) return;
    this.#size--;
    for (let at = (gap + 1) & this.#mask; this.#hashes[at] !== 0; at = (at + 1) & this.#mask) {
      const home = (this.#hashes[at] ?? 0) & this.#mask;
      // Whoever would not be found across the gap moves into it.
      if (((at - home) & this.#mask) < ((at - gap) & this.#mask)) continue;
      this.#put(gap, this.#ids[at], this.#values[at], this.#hashes[at] ?? 0);
      gap = at;
    }
    this.#put(gap, undefined, undefined, 0);
  }

  /** What is held now, in no order. */
  values(): Value[] {
    return this.#values.filter((value) => value !== undefined);
  }

  /** Where an id stands, or the free place where it would. */
  #find(id: string, hash: number): number {
    let at = hash & this.#mask;
    // By the hash first: comparing texts would fetch each of them from memory.
    for (let known = this.#hashes[at]; known !== 0; known = this.#hashes[at]) {
      if (known === hash && this.#ids[at] === id) return at;
      at = (at + 1) & this.#mask;
    }
    return at;
  }

  #put(at: number, id: string | undefined, value: Value | undefined, hash: number): void {
    this.#ids[at] = id;
    this.#values[at] = value;
    this.#hashes[at] = hash;
  }

  #grow(): void {
    const [ids, values, hashes] = [this.#ids, this.#values, this.#hashes];
    const places = ids.length * 2;
    this.#ids = new Array<string | undefined>(places).fill(undefined);
    this.#values = new Array<Value | undefined>(places).fill(undefined);
    this.#hashes = new Uint32Array(places);
    this.#mask = places - 1;
    ids.forEach((id, at) => {
      const hash = hashes[at] ?? 0;
      if (id !== undefined) this.#put(this.#find(id, hash), id, values[at], hash);
    });
  }
}

/** Never 0. Ids are the gateway's own, and chance: nobody can choose them so that they collide. */
function hashOf(id: string): number {
  let hash = id.length;
  for (let at = Math.max(0, id.length - HASHED_CHARACTERS); at < id.length; at++) {
    hash = (Math.imul(hash, 31) + id.charCodeAt(at)) >>> 0;
  }
  return (hash ^ (hash >>> 15)) >>> 0 || 1;
}
