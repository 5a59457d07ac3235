import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasValidChecksum } from './auth/api-key-format.js';
import { KeyDigester } from './auth/key-digest.js';

const PEPPER = 'a pepper of thirty-two characters or more';

function keys(args: readonly string[], pepper: string | undefined = PEPPER) {
  const cli = join(import.meta.dirname, '..', 'dist', 'cli.keys.js');
  const env = { PATH: process.env.PATH, ...(pepper !== '' && { GATEWAY_KEY_PEPPER: pepper }) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('npm run keys', () => {
  it('makes a key and the digest that the gateway file takes', () => {
    const { status, stdout } = keys(['create']);
    const [, key, digest] = /^key: {4}(\S+)\ndigest: (\S+)\n$/.exec(stdout) ?? [];
    expect(status).toBe(0);
    expect(hasValidChecksum(key!)).toBe(true);
    expect(digest).toBe(new KeyDigester(PEPPER).format(key!));
  });

  it('digests a key that exists', () => {
    expect(keys(['digest', 'a-key-of-another-form'])).toMatchObject({
      status: 0,
      stdout: `digest: ${new KeyDigester(PEPPER).format('a-key-of-another-form')}\n`,
    });
  });

  it.each([['create'], ['digest', 'x']])('makes nothing without a pepper: %s', (...args) => {
    const { status, stdout, stderr } = keys(args, '');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('GATEWAY_KEY_PEPPER is not set');
  });

  it('says how it is used', () => {
    expect(keys([])).toMatchObject({ status: 0, stdout: expect.stringContaining('npm run keys -- create') as string });
    expect(keys(['delete'])).toMatchObject({ status: 1 });
    expect(keys(['digest'])).toMatchObject({ status: 1 });
  });
});
