import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'sre-gateway.mjs');
const folder = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runWith(env: Readonly<Record<string, string>>, ...args: string[]): Outcome {
  return spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });
}

function run(...args: string[]): Outcome {
  return runWith({}, ...args);
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
  it.each([
    [],
    ['--help'],
    ['start', '--help'],
    ['config', '--help'],
    ['status', '--help'],
    ['usage', '--help'],
    ['simulate', '--help'],
    ['keys', '--help'],
    ['gameday', '--help'],
  ])('teaches with %j', (...args) => {
    expect(run(...args.filter((arg) => arg !== ''))).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('sre-gateway') as string,
    });
  });

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

  it.each(['status', 'usage'])('asks for an admin key before it asks a gateway for its %s', (command) => {
    expect(run(command)).toMatchObject({ status: 1, stderr: expect.stringContaining('GATEWAY_ADMIN_KEY') as string });
  });

  it('makes keys, and digests of keys', () => {
    const env = { GATEWAY_KEY_PEPPER: 'a pepper of thirty-two characters or more' };
    expect(runWith(env, 'keys', 'create').stdout).toMatch(/^key: {4}\S+\ndigest: hmac-sha256:[0-9a-f]{64}\n$/);
    expect(runWith(env, 'keys', 'digest', 'some-key').stdout).toMatch(/^digest: hmac-sha256:[0-9a-f]{64}\n$/);
  });

  it('refuses options of a simulated upstream that make no sense', () => {
    expect(run('simulate', '--error-rate', '2')).toMatchObject({ status: 1 });
    expect(run('simulate', '--no-such-option')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('simulate --help') as string,
    });
  });
});

describe('the command line at a running gateway', () => {
  const ADMIN = 'admin-secret-0123456789';
  const CLIENT = 'client-secret-0123456789';
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: {
          keys: [
            { id: 'ops', secret: ADMIN, role: 'admin' },
            {
              id: 'app',
              secret: CLIENT,
              org: 'acme',
              team: 'red',
              limits: { requestsPerMinute: 60 },
              budgets: [{ scope: 'org', window: 'month', usd: 5 }],
            },
          ],
        },
        providers: [{ name: 'a', kind: 'simulated' }],
        models: [
          {
            name: 'm',
            targets: [{ provider: 'a', model: 'x' }],
            price: { inputPerMillion: 1, outputPerMillion: 1 },
            maxOutputTokens: 100,
          },
        ],
      },
    });
  });
  afterAll(() => gateway.stop());

  const ask = (key: string, ...args: string[]): Outcome => runWith({ GATEWAY_ADMIN_KEY: key }, ...args);

  it('shows its targets', () => {
    const { status, stdout } = ask(ADMIN, 'status', gateway.opsUrl);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^serving, 0 in flight, load level \d of 4, configuration [0-9a-f]{12}\n\ntarget +breaker .*\na\/x +closed +1 +0 % /,
    );
  });

  it('shows what keys, teams and orgs have used', () => {
    const byKey = ask(ADMIN, 'usage', gateway.opsUrl).stdout;
    expect(byKey).toMatch(
      /^key +org +limit +used +of +held +resets\nops +ops +none\napp +acme +requests 60\/min +0 +10\n/,
    );
    expect(byKey).toMatch(/\napp +acme +budget org month +\$0 +\$5 +\$0 +\d{4}-/);
    expect(ask(ADMIN, 'usage', '--by', 'team', gateway.opsUrl).stdout).toMatch(/^team +org .*\nred +acme +none\n$/);
    expect(ask(ADMIN, 'usage', '--by=org', gateway.opsUrl).stdout).toMatch(/\nacme +budget org month +\$0 +\$5 /);
  });

  it.each(['status', 'usage'])('shows a client no %s', (command) => {
    expect(ask(CLIENT, command, gateway.opsUrl)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('403') as string,
    });
  });

  it('says what it could not do', () => {
    expect(ask(ADMIN, 'usage', '--by', 'planet')).toMatchObject({
      status: 1,
      stderr: '--by takes one of key, team, org.\n',
    });
    expect(ask(ADMIN, 'status', 'http://127.0.0.1:1')).toMatchObject({
      status: 1,
      stderr: 'No gateway answers at http://127.0.0.1:1.\n',
    });
    expect(ask(ADMIN, 'status', 'nonsense')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nonsense') as string,
    });
  });
});
