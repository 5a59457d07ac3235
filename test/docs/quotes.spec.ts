import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeBlocks, markdownFiles, readMarkdown, ROOT } from './markdown.js';

const quotes = markdownFiles().flatMap((page) =>
  codeBlocks(readMarkdown(page)).flatMap(({ file, text }) => (file === undefined ? [] : [{ page, file, text }])),
);

describe('code that a page quotes', () => {
  it('is there: the guide to new providers quotes its whole example', () => {
    const guide = quotes.filter(({ page }) => page === 'docs/ADDING_A_PROVIDER.md').map(({ file }) => file);
    for (const name of ['adapter', 'decoder', 'fault', 'adapter.spec']) {
      expect(guide).toContain(`test/examples/parrot/parrot-${name}.ts`);
    }
  });

  it.each(quotes)('$page quotes $file as it is', ({ file, text }) => {
    expect(text.trimEnd()).toBe(readFileSync(join(ROOT, file), 'utf8').trimEnd());
  });
});
