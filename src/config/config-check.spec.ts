import { describe, expect, it } from 'vitest';
import { checkConfig } from './config-check.js';

describe('the check of a file', () => {
  it('sums up the file of CONFIG_PATH where none is named', () => {
    const [line, ...warnings] = checkConfig(undefined, {});
    expect(line).toMatch(/^ok: 2 providers, 3 models, 0 keys, anonymous access on, version [0-9a-f]{12}$/);
    expect(warnings).toEqual([]);
  });

  it('tells of every variable that the file needs', () => {
    expect(() => checkConfig('config/gateway.production.example.yaml', {})).toThrow(
      'auth.keys[0].secret: environment variable GATEWAY_KEY_OPERATIONS is not set',
    );
  });

  it('says so where there is no such file', () => {
    expect(() => checkConfig('config/missing.yaml', {})).toThrow('file: config/missing.yaml cannot be read');
  });
});
