import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, linksOf, markdownFiles, readMarkdown, ROOT } from './markdown.js';

const EXTERNAL = /^(https?|mailto):/;

/** Why a link leads nowhere, or undefined. */
function broken(file: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(ROOT, file) : join(ROOT, dirname(file), decodeURIComponent(path));
  if (!target.startsWith(ROOT)) return `${link} leaves the repository`;
  if (!existsSync(target)) return `${link} does not exist`;
  if (anchor === undefined) return undefined;
  if (statSync(target).isDirectory() || !target.endsWith('.md')) return `${link} has an anchor, but is no Markdown`;
  return anchorsOf(readMarkdown(target.slice(ROOT.length + 1))).has(anchor) ? undefined : `${link} has no such heading`;
}

describe('the documentation', () => {
  const files = markdownFiles();

  it('has the pages that newcomers look for', () => {
    expect(files).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/ARCHITECTURE.md']),
    );
  });

  it.each(files)('%s links only to files and headings that exist', (file) => {
    const links = linksOf(readMarkdown(file)).filter((link) => !EXTERNAL.test(link));
    expect(links.map((link) => broken(file, link)).filter((problem) => problem !== undefined)).toEqual([]);
  });

  it('sees a broken path, a broken anchor and a way out of the repository', () => {
    const links = linksOf('[a](nothing.md) [b](README.md#no-such) [c](../x) [d](README.md#start) `[e](code.md)`');
    expect(links.map((link) => broken('README.md', link))).toEqual([
      'nothing.md does not exist',
      'README.md#no-such has no such heading',
      '../x leaves the repository',
      undefined,
    ]);
  });

  it('lists every decision record in the index of decision records', () => {
    const records = files.filter((file) => /^docs\/adr\/\d{4}-/.test(file));
    const listed = linksOf(readMarkdown('docs/adr/README.md')).map((link) => `docs/adr/${link}`);
    expect(listed).toEqual(records.sort());
  });
});
