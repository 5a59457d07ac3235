import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'sre-gateway.mjs');
const folder = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', env: { PATH: process.env.PATH } });
}

function file(name: string, weight: number): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `version: 1\nproviders: [{ name: a, kind: simulated, weight: ${weight} }]\nmodels: [{ name: m, targets: [{ provider: a, model: x }] }]\n`,
  );
  return path;
}

describe('the command line', () => {
  it.each([[], ['--help'], ['start', '--help'], ['config', '--help'], ['status', '--help'], ['gameday', '--help']])(
    'teaches with %j',
    (...args) => {
      expect(run(...args.filter((arg) => arg !== ''))).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('sre-gateway') as string,
      });
    },
  );

  it('exits 2 and shows what there is for what it does not know', () => {
    expect(run('strat')).toMatchObject({ status: 2, stderr: expect.stringContaining('config check') as string });
    expect(run('config', 'diff', 'one')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('diff A B') as string,
    });
  });

  it('checks a file, and exits 1 with the reason for a bad one', () => {
    expect(run('config', 'check', file('good.yaml', 1))).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^ok: 1 providers/) as string,
    });
    expect(run('config', 'check', file('bad.yaml', -1))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('providers[0].weight') as string,
    });
  });

  it('shows the difference of two files in words', () => {
    expect(run('config', 'diff', file('a.yaml', 1), file('b.yaml', 2)).stdout).toContain('provider "a": weight 1 -> 2');
    expect(run('config', 'diff', file('a.yaml', 1), file('a.yaml', 1)).stdout).toBe('no difference\n');
  });

  it('prints a schema that is JSON', () => {
    expect(JSON.parse(run('config', 'schema').stdout)).toHaveProperty('properties');
  });

  it('asks for an admin key before it asks a gateway for its status', () => {
    expect(run('status')).toMatchObject({ status: 1, stderr: expect.stringContaining('GATEWAY_ADMIN_KEY') as string });
  });
});
