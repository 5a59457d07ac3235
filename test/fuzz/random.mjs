/** mulberry32: repeats for a seed. `below(n)` is uniform in [0, n). */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (n) => next() % n;
  return { below, pick: (list) => list[below(list.length)], chance: (oneIn) => below(oneIn) === 0 };
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  '\\',
  '\\u0000',
  '\\ud800',
  'null',
  'true',
  '-0',
  '1e400',
  '9'.repeat(30),
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  'data: ',
  'data:',
  'event: x\n',
  ': c\n',
  '[DONE]',
  '\uFEFF',
  '\u2028',
  'é',
  '🙂',
  '\0',
  '&a ',
  '*a',
  '<<: ',
  '!!js ',
  '- ',
  '? ',
  '| ',
  '${env:X}',
  '"__proto__":{"polluted":1}',
  '"constructor":{"prototype":{"polluted":1}}',
  '__proto__: { polluted: 1 }',
  '"model":"m"',
  '"stream":true',
  '"n":3',
  '"choices":[null]',
  '"index":1e9',
  '"usage":{}',
  '"error":{}',
  '"finish_reason":"stop"',
  '"tool_calls":[{}]',
];

/** The bytes changed in up to `most` places: cut, doubled, moved, replaced, or with something else put in. */
export function mutate(bytes, { below, pick, chance }, most = 6) {
  let result = bytes;
  for (let times = below(most + 1); times > 0; times--) {
    const at = below(result.length + 1);
    const until = Math.min(result.length, at + below(chance(8) ? 400 : 12));
    const piece = [
      () => Buffer.alloc(0),
      () => Buffer.from(pick(PIECES)),
      () => Buffer.of(below(256)),
      () => result.subarray(below(result.length + 1)).subarray(0, below(60)),
      () => Buffer.from(pick(['[', '{"a":', '"a":[', ' ']).repeat(chance(4) ? 5_000 : 40)),
    ][below(5)]();
    result = Buffer.concat([result.subarray(0, at), piece, result.subarray(chance(2) ? at : until)]);
  }
  return result;
}

/** The bytes in pieces of random length. */
export function cut(bytes, { below }) {
  const pieces = [];
  const longest = 1 + below(below(2) ? 4 : 300);
  for (let at = 0; at < bytes.length;) {
    const size = 1 + below(longest);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
