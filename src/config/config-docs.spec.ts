import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationMarkdown, gatewayJsonSchema } from './config-docs.js';

describe('what is generated from the schema', () => {
  it.each([
    ['config/gateway.schema.json', gatewayJsonSchema],
    ['docs/CONFIGURATION.md', configurationMarkdown],
  ])('%s is what `npm run config:docs` writes today', (file, generate) => {
    expect(readFileSync(file, 'utf8')).toBe(generate());
  });

  it('says what each key means', () => {
    const silent = configurationMarkdown()
      .split('\n')
      .filter((line) => /^\| `.*\|\s*\|$/.test(line));
    expect(silent).toEqual([]);
  });
});
