import { isExtender } from './code-point.js';
import { normalise } from './normaliser.js';

/**
 * Aho and Corasick's automaton (1975) over UTF-16 units of normalised text, as a double-array trie
 * (Aoe 1989): the child of state `s` by symbol `c` is `t = base[s] + c` where `check[t] === s`.
 * State 0 is the root. Only typed arrays, so that a worker can hand it over without a copy.
 */
export interface Automaton {
  /** Symbol of a unit; 0 = in no pattern. */
  readonly symbols: Uint16Array;
  readonly base: Int32Array;
  readonly check: Int32Array;
  /** The state of the longest proper suffix that is a prefix of a pattern. */
  readonly fail: Int32Array;
  /** Units from the root: how much of the text may be the beginning of a pattern. */
  readonly depth: Int32Array;
  /** The state itself where a pattern ends, else the nearest such suffix; 0 = none. */
  readonly match: Int32Array;
  /** The nearest proper suffix where a pattern ends; 0 = none. */
  readonly shorter: Int32Array;
  /** First pattern that ends in a state, plus 1; 0 = none. */
  readonly first: Int32Array;
  /** The next pattern with the same text, plus 1; 0 = none. */
  readonly next: Int32Array;
  /** Units of each pattern. */
  readonly lengths: Int32Array;
  /** 1 for each unit that marks could turn into a part of a pattern (`e` where `é` is in one), in NFD. */
  readonly composing: Uint8Array;
}

/** Builds the automaton of some texts, as they are written; their normalised forms are what matches. */
export function compileAutomaton(texts: readonly string[]): Automaton {
  return new AutomatonCompiler(texts.map((text) => normalise(text).trim())).compile();
}

interface Node {
  readonly state: number;
  /** The sorted patterns below the node: from `low` to before `high`. */
  readonly low: number;
  readonly high: number;
  readonly depth: number;
}

/** Cells before the end of the arrays that are searched for room for several children. */
const SEARCHED = 512;
const FREE = -1;

class AutomatonCompiler {
  readonly #symbols = new Uint16Array(0x10000);
  /** Distinct patterns, sorted by symbols. */
  readonly #sorted: readonly string[];
  readonly #indexes = new Map<string, number>();
  readonly #next: Int32Array;
  #alphabet = 1;
  #used = 1;
  #firstFree = 1;
  #base = new Int32Array(1024);
  #check = new Int32Array(1024).fill(FREE);
  #fail = new Int32Array(1024);
  #depth = new Int32Array(1024);
  #match = new Int32Array(1024);
  #shorter = new Int32Array(1024);
  #first = new Int32Array(1024);

  constructor(private readonly patterns: readonly string[]) {
    this.#next = new Int32Array(patterns.length);
    patterns.forEach((pattern, index) => {
      if (pattern === '') return;
      this.#next[index] = this.#indexes.get(pattern) ?? 0;
      this.#indexes.set(pattern, index + 1);
    });
    this.#sorted = [...this.#indexes.keys()].sort();
    this.#numberSymbols();
  }

  compile(): Automaton {
    this.#check[0] = 0;
    // Breadth first: the failure of a state is found from shallower states, which stand already.
    const queue: Node[] = [{ state: 0, low: 0, high: this.#sorted.length, depth: 0 }];
    for (const node of queue) this.#expand(node, queue);
    const size = this.#used + this.#alphabet;
    this.#grow(size);
    return {
      symbols: this.#symbols,
      base: this.#base.slice(0, size),
      check: this.#check.slice(0, size),
      fail: this.#fail.slice(0, size),
      depth: this.#depth.slice(0, size),
      match: this.#match.slice(0, size),
      shorter: this.#shorter.slice(0, size),
      first: this.#first.slice(0, size),
      next: this.#next,
      lengths: Int32Array.from(this.patterns, (pattern) => pattern.length),
      composing: composingUnits(this.#sorted),
    };
  }

  /** The most frequent units get the smallest symbols: the double array stays dense. */
  #numberSymbols(): void {
    const counts = new Map<number, number>();
    for (const pattern of this.#sorted) {
      for (let at = 0; at < pattern.length; at++) {
        const unit = pattern.charCodeAt(at);
        counts.set(unit, (counts.get(unit) ?? 0) + 1);
      }
    }
    for (const [unit] of [...counts].sort((a, b) => b[1] - a[1])) this.#symbols[unit] = this.#alphabet++;
  }

  /** Places the children of a node and queues them. */
  #expand({ state, low, high, depth }: Node, queue: Node[]): void {
    // Sorted: the pattern that ends here is the first.
    let from = low;
    if (this.#sorted[from]?.length === depth) from++;
    const children: { symbol: number; low: number; high: number }[] = [];
    for (let at = from; at < high; at++) {
      const symbol = this.#symbols[this.#sorted[at]?.charCodeAt(depth) ?? 0] ?? 0;
      const last = children.at(-1);
      if (last?.symbol === symbol) last.high = at + 1;
      else children.push({ symbol, low: at, high: at + 1 });
    }
    if (children.length === 0) return;
    const base = this.#place(children.map((child) => child.symbol));
    this.#base[state] = base;
    for (const child of children) this.#check[base + child.symbol] = state;
    for (const child of children) {
      const place = base + child.symbol;
      this.#depth[place] = depth + 1;
      this.#link(state, place, child.symbol, this.#sorted[child.low] ?? '');
      queue.push({ state: place, low: child.low, high: child.high, depth: depth + 1 });
    }
  }

  #link(parent: number, place: number, symbol: number, pattern: string): void {
    const fail = parent === 0 ? 0 : this.#step(this.#fail[parent] ?? 0, symbol);
    const ends = pattern.length === this.#depth[place] ? (this.#indexes.get(pattern) ?? 0) : 0;
    this.#fail[place] = fail;
    this.#shorter[place] = this.#match[fail] ?? 0;
    this.#first[place] = ends;
    this.#match[place] = ends === 0 ? (this.#shorter[place] ?? 0) : place;
  }

  #step(from: number, symbol: number): number {
    for (let state = from; ; state = this.#fail[state] ?? 0) {
      const place = (this.#base[state] ?? 0) + symbol;
      if (place !== 0 && this.#check[place] === state) return place;
      if (state === 0) return 0;
    }
  }

  /**
   * A base whose cells for all symbols are free. Nodes with several children look near the end only;
   * those with one, by far the most, fill the holes that remain: every search is short, and the arrays stay dense.
   */
  #place(symbols: readonly number[]): number {
    while (this.#check[this.#firstFree] !== FREE) this.#firstFree++;
    const smallest = Math.min(...symbols);
    const from = symbols.length === 1 ? 0 : this.#used - SEARCHED;
    for (let cell = Math.max(this.#firstFree, smallest, from); ; cell++) {
      this.#grow(cell + this.#alphabet + 1);
      const base = cell - smallest;
      if (symbols.every((symbol) => this.#check[base + symbol] === FREE)) {
        this.#used = Math.max(this.#used, base + Math.max(...symbols) + 1);
        return base;
      }
    }
  }

  #grow(size: number): void {
    if (size <= this.#check.length) return;
    const grow = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(size * 2);
      grown.set(old);
      return grown;
    };
    const filled = this.#check.length;
    this.#check = grow(this.#check).fill(FREE, filled);
    this.#base = grow(this.#base);
    this.#fail = grow(this.#fail);
    this.#depth = grow(this.#depth);
    this.#match = grow(this.#match);
    this.#shorter = grow(this.#shorter);
    this.#first = grow(this.#first);
  }
}

/** The letters that marks can bring: iota from its subscript, and the vowel in Thai and Lao am. */
const FROM_MARKS = /[\u03b9\u0e32\u0eb2]/;

function composingUnits(patterns: readonly string[]): Uint8Array {
  const composing = new Uint8Array(0x10000);
  for (const pattern of patterns) {
    // A pattern that may begin within the marks of any base: every base waits for its marks.
    if (FROM_MARKS.test(pattern) || isExtender(pattern.codePointAt(0) ?? 0)) return composing.fill(1);
    let before = '';
    for (const character of pattern.normalize('NFD')) {
      if (isExtender(character.codePointAt(0) ?? 0)) {
        for (let at = 0; at < before.length; at++) composing[before.charCodeAt(at)] = 1;
      }
      before = character;
    }
  }
  return composing;
}
