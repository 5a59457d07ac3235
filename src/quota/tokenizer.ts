import { type Encoding } from '../kernel/snapshot.js';

type Count = (text: string) => number;

/** Words that the library remembers the tokens of; by itself it keeps 100,000, which are pieces of answers. */
const REMEMBERED = 1_000;

const loaded = new Map<Encoding, Count>();

/** Loads an encoding: its table takes some 0.3 s and 65 MB. Until then `tokensOf` knows nothing of it. */
export async function loadEncoding(encoding: Encoding): Promise<void> {
  if (loaded.has(encoding)) return;
  const { countTokens, setMergeCacheSize } =
    encoding === 'cl100k_base'
      ? await import('gpt-tokenizer/encoding/cl100k_base')
      : await import('gpt-tokenizer/encoding/o200k_base');
  setMergeCacheSize(REMEMBERED);
  // A caller's text is text, whatever it looks like.
  const asText = { disallowedSpecial: new Set<string>() };
  loaded.set(encoding, (text) => countTokens(text, asText));
}

/** The tokens of texts that are some words long each, counted apart; undefined where the encoding is not loaded. */
export function tokensOf(encoding: Encoding, texts: readonly string[]): number | undefined {
  const count = loaded.get(encoding);
  return count && texts.reduce((tokens, text) => tokens + count(text), 0);
}
