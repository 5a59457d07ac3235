import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/config/load-snapshot.js';
import { chatRequestSchema } from '../../src/kernel/openai.js';
import { configSources } from '../support/config-sources.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { codeBlocks, readMarkdown, ROOT } from './markdown.js';
import { parseCurl } from './shell-words.js';

const LOCAL = 'http://localhost:8000';
/** npm's own commands, which are no scripts of the project. */
const OWN_COMMANDS = new Set(['ci', 'install', 'start', 'test']);

const blocks = codeBlocks(readMarkdown('README.md'));
const textOf = (language: string): string[] =>
  blocks.filter((block) => block.language === language).map(({ text }) => text);
const commands = textOf('sh').flatMap((text) => text.trim().split('\n'));
const curls = commands.filter((command) => command.startsWith('curl'));

describe('the README', () => {
  it('begins with the two commands that a newcomer needs', () => {
    expect(commands.slice(0, 2)).toEqual(['npm ci && npm start', 'npm test']);
  });

  it.each(['README.md', 'CONTRIBUTING.md', 'docs/ADDING_A_PROVIDER.md'])('%s names npm scripts that exist', (page) => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...readMarkdown(page).matchAll(/\bnpm (?:run (?:--silent )?)?([a-z][a-z:-]*)/g)].map(
      ([, name]) => name!,
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !OWN_COMMANDS.has(name) && !(name in scripts))).toEqual([]);
    for (const name of ['start', 'test']) expect(scripts).toHaveProperty(name);
  });

  it.each(curls)('has a body that the gateway takes: %s', (command) => {
    expect(() => chatRequestSchema.parse(JSON.parse(parseCurl(command).body))).not.toThrow();
  });

  it.each(textOf('yaml'))('has a gateway file that loads without a warning', (text) => {
    const { snapshot, warnings } = buildSnapshot(text, configSources({ OPENAI_API_KEY: 'sk-not-a-real-key' }));
    expect([...snapshot.models.keys()]).toEqual(['gpt-4o-mini', 'chat']);
    expect(warnings).toEqual([]);
  });
});

describe('the examples of the README, against the gateway that `npm start` gives', () => {
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await GatewayProcess.start();
  });
  afterAll(() => gateway.stop());

  const send = (command: string): Promise<Response> => {
    const { method, url, headers, body } = parseCurl(command);
    return fetch(url.replace(LOCAL, gateway.publicUrl), { method, headers, body });
  };

  it('has the four requests', () => {
    expect(curls).toHaveLength(4);
  });

  it.each(curls)('works: %s', async (command) => {
    const { headers, body } = parseCurl(command);
    const response = await send(command);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain('Hello!');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(body.includes('"stream":true'));
    const { 'X-Request-ID': id, 'X-Provider-Priority': provider } = headers;
    if (id) {
      expect(response.headers.get('x-request-id')).toBe(id);
      expect(await gateway.ledger(id)).toMatchObject({ status: 200 });
    }
    if (provider) expect(response.headers.get('x-gateway-provider')).toBe(provider);
  });

  it('runs the TypeScript example with the real SDK', async () => {
    mkdirSync(join(ROOT, '.cache'), { recursive: true });
    const folder = mkdtempSync(join(ROOT, '.cache', 'readme-'));
    const script = join(folder, 'example.mjs');
    writeFileSync(script, textOf('ts')[0]!.replaceAll(LOCAL, gateway.publicUrl));
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    rmSync(folder, { recursive: true });
    expect(stdout.match(/Hello!/g)).toHaveLength(2);
  });
});

describe('the CI workflow', () => {
  it('pins every action to a commit, with its version beside it', () => {
    const workflow = readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8');
    const uses = workflow.split('\n').filter((line) => line.includes('uses:'));
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) expect(line).toMatch(/uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });
});
