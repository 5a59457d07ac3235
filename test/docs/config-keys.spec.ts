import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
/** Known to the gateway under other names: the configuration layer itself turns them into what others read. */
const TRANSLATED = new Set(['bannedWords', 'cachedInputPerMillion', 'inputPerMillion', 'outputPerMillion', 'usd']);

/** The last parts of the names that the reference of the gateway file lists. */
const KEYS = new Set(
  [...readFileSync(join(ROOT, 'docs/CONFIGURATION.md'), 'utf8').matchAll(/^\| `([a-z][\w.[\]{}<>*]*)`/gm)].map((row) =>
    row[1]!.replace(/\[\]$/, '').replace(/.*\./, ''),
  ),
);

const READERS = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(
    (path) => path.endsWith('.ts') && !/\.spec\.ts$|^(config|console|cli|gameday)\/|^kernel\/snapshot\.ts$/.test(path),
  )
  .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'))
  .join('\n');

describe('the gateway file', () => {
  it('has no key that nothing reads', () => {
    expect(KEYS.size).toBeGreaterThan(100);
    const unread = [...KEYS].filter((key) => !TRANSLATED.has(key) && !new RegExp(`\\b${key}\\b`).test(READERS));
    expect(unread).toEqual([]);
  });
});
