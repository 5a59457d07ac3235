import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'sre-gateway.mjs');
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'gameday-test-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function gameday(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [BIN, 'gameday', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
    timeout: 60_000,
  });
}

describe('a game day', () => {
  it('keeps its objectives while a provider dies, and writes a report', () => {
    const out = join(folder, 'quick');
    const { status, stdout, stderr } = gameday('scenarios/quick.yaml', '--out', out);
    expect(status, stdout + stderr).toBe(0);
    expect(readdirSync(out).sort()).toEqual([
      ...['breakers.svg', 'first-token.svg', 'limiters.svg', 'outcomes.svg', 'providers.svg'],
      ...['report.md', 'result.json'],
    ]);
    const report = readFileSync(join(out, 'report.md'), 'utf8');
    expect(report).toContain('**All objectives were kept.**');
    expect(report).toMatch(/\| \d\.\d \| script \| kill -9 alpha \|/);
    expect(report).toMatch(/\| \d\.\d \| log \| breaker alpha\/mock-model: closed to open, consecutiveFaults \|/);
    expect(report).toMatch(/\| ok \| 100 \|/);
    for (const file of readdirSync(out).filter((name) => name.endsWith('.svg'))) {
      expect(readFileSync(join(out, file), 'utf8')).toMatch(/^<svg xmlns=.*<\/svg>\n$/s);
      expect(report).toContain(`](${file})`);
    }
  });

  it('exits 1 and says which objective was missed', () => {
    const path = join(folder, 'missed.yaml');
    writeFileSync(
      path,
      `title: nobody is left
summary: The only provider dies.
durationMs: 2000
upstreams: [{ name: alpha, settings: { firstTokenMs: 5, tokenMs: 1, tokens: 3 } }]
load: [{ perSecond: 10, streams: 0 }]
script: [{ atMs: 500, do: kill, upstream: alpha }]
objectives: [{ check: errors, max: 0 }, { check: silentlyCut, max: 0 }]
`,
    );
    const out = join(folder, 'missed');
    const { status, stdout } = gameday(path, '--out', out);
    expect(status, stdout).toBe(1);
    expect(stdout).toContain('MISSED  callers see at most 0 errors');
    expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain('**1 of 2 objectives were missed.**');
  });

  it('exits 2 with a line per problem for a scenario that cannot be played', () => {
    const path = join(folder, 'bad.yaml');
    writeFileSync(path, 'title: t\nsummary: s\ndurationMs: 190000\nupstreams: []\nload: []\nobjectives: []\n');
    const { status, stderr } = gameday(path);
    expect(status).toBe(2);
    expect(stderr).toContain('durationMs: found 190000, expected at most 120000');
    expect(stderr).toContain('upstreams: ');
  });

  it('teaches with --help, and when it is not told what to play', () => {
    expect(gameday('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('provider-killed') as string,
    });
    expect(gameday()).toMatchObject({ status: 2, stderr: expect.stringContaining('SCENARIO') as string });
  });
});
