import { type Encoding } from '../kernel/snapshot.js';

type Count = (text: string) => number;

/**
 * Merging takes the square of a piece's length, so a text is counted in pieces of 128 characters; they end before a word's
 * space where there is one, across which a tokenizer never joins.
 */
const PIECE = /[^]{1,128}(?= \S|$)|[^]{1,128}/gu;

const loaded = new Map<Encoding, Count>();

/** Loads an encoding: its table takes some 0.3 s and 65 MB. Until then `tokensOf` knows nothing of it. */
export async function loadEncoding(encoding: Encoding): Promise<void> {
  if (loaded.has(encoding)) return;
  const { countTokens } =
    encoding === 'cl100k_base'
      ? await import('gpt-tokenizer/encoding/cl100k_base')
      : await import('gpt-tokenizer/encoding/o200k_base');
  // A caller's text is text, whatever it looks like.
  const asText = { disallowedSpecial: new Set<string>() };
  loaded.set(encoding, (text) => countTokens(text, asText));
}

/** The tokens of a short text; undefined where the encoding is not loaded. */
export function tokensOf(encoding: Encoding, text: string): number | undefined {
  const count = loaded.get(encoding);
  if (!count) return undefined;
  let tokens = 0;
  for (const [piece] of text.matchAll(PIECE)) tokens += count(piece);
  return tokens;
}
