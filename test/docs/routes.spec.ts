import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownFiles, readMarkdown, ROOT } from './markdown.js';

/** Routes that the primary of several workers answers itself, without a controller. */
const OF_THE_PRIMARY = [
  ...readFileSync(join(ROOT, 'src/cluster/primary-ops.ts'), 'utf8').matchAll(
    /method [!=]== '(\w+)' (?:&&|\|\|) pathname [!=]== '([^']+)'/g,
  ),
].map(([, method, path]) => `${method!} ${path!}`);

/** `GET /admin/requests/*` of every route that a controller declares, and of the primary's; parameters are stars. */
const DECLARED = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.controller.ts'))
  .flatMap((path) => routesOf(readFileSync(join(ROOT, 'src', path), 'utf8')))
  .concat(OF_THE_PRIMARY);

function routesOf(controller: string): string[] {
  const prefix = /@Controller\((?:'(.*?)')?\)/.exec(controller)?.[1] ?? '';
  return [...controller.matchAll(/@(Get|Post|Delete)\((.*?)\)/g)].flatMap(([, method, given]) => {
    const paths = [...given!.matchAll(/'(.*?)'/g)].map((match) => match[1]!);
    return (paths.length > 0 ? paths : ['']).map((path) => {
      const segments = `${prefix}/${path}`.split('/').filter((segment) => segment !== '');
      return `${method!.toUpperCase()} /${segments.map((one) => (one.startsWith(':') ? '*' : one)).join('/')}`;
    });
  });
}

/** Routes of the operations API that a page tells to call: `POST /admin/…` in its text, and curl's lines. */
function toldBy(markdown: string): string[] {
  const named = [...markdown.matchAll(/\b(GET|POST|DELETE) (\/admin\/[\w/{}-]+)/g)].map(
    ([, method, path]) => `${method!} ${path!}`,
  );
  const commands = markdown.replaceAll('\\\n', ' ').split('\n');
  const called = commands.flatMap((line) => {
    const path = /^curl .*\$OPS(\/admin\/[\w/-]+)/.exec(line)?.[1];
    return path === undefined ? [] : [`${/ -X (\w+)/.exec(line)?.[1] ?? 'GET'} ${path}`];
  });
  return [...named, ...called];
}

const declares = (told: string): boolean =>
  DECLARED.some((route) => new RegExp(`^${route.replaceAll('*', '[^/]+')}$`).test(told));

const PAGES = markdownFiles()
  .map((page) => ({ page, told: toldBy(readMarkdown(page)) }))
  .filter(({ told }) => told.length > 0);

describe('routes of the operations API in the documentation', () => {
  it('are found', () => {
    expect(DECLARED).toContain('POST /admin/providers/*/drain');
    expect(OF_THE_PRIMARY).toEqual(['POST /admin/workers/restart', 'GET /admin/workers']);
    expect(PAGES.map(({ page }) => page)).toEqual(expect.arrayContaining(['docs/ADMIN_API.md', 'docs/OPERATIONS.md']));
  });

  it.each(PAGES)('$page names only those that exist', ({ told }) => {
    expect(told.filter((route) => !declares(route))).toEqual([]);
  });

  it('are all in ADMIN_API.md', () => {
    const told = toldBy(readMarkdown('docs/ADMIN_API.md'));
    const missing = DECLARED.filter((route) => route.includes(' /admin')).filter((route) => {
      const pattern = new RegExp(`^${route.replaceAll('*', '[^/]+')}$`);
      return !told.some((one) => pattern.test(one));
    });
    expect(missing).toEqual([]);
  });
});

describe('the runbooks', () => {
  it('name only keys that the gateway file has', () => {
    const reference = readMarkdown('docs/CONFIGURATION.md');
    const keys = [...readMarkdown('docs/OPERATIONS.md').matchAll(/`([a-z]\w+(?:\.[a-z]\w+)+)(?::[^`]*)?`/g)].map(
      (match) => match[1]!,
    );
    // Names of files, and members of requests, whose names have underscores.
    const ofTheFile = keys.filter((key) => !/\.(ts|md|yaml|yml|mjs|sh|json)$|_/.test(key));
    expect(ofTheFile).toContain('resilience.drain.delayMs');
    expect(ofTheFile.filter((key) => !reference.includes(`\`${key}\``))).toEqual([]);
  });
});
