/** mulberry32: a small seeded generator, uniform in [0, 1) (public domain, T. Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** FNV-1a over UTF-16 units. */
export function hash(text: string, seed: number): number {
  let value = (0x811c9dc5 ^ seed) >>> 0;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return value;
}

const WORDS =
  'a the gateway model request token stream provider answers quickly and then waits for more work while every budget stays whole under load so that nobody notices when one upstream fails because another one serves'.split(
    ' ',
  );

/** `count` tokens of text that depend on nothing but `seed`; the first is always `Hello!`. */
export function simulatedTokens(seed: number, count: number): string[] {
  const random = seededRandom(seed);
  const tokens = ['Hello!'];
  while (tokens.length < count) tokens.push(` ${WORDS[Math.floor(random() * WORDS.length)] ?? 'word'}`);
  return tokens.slice(0, count);
}
