import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { GatewayProcess } from '../support/gateway-process.js';
import { BAD_CONFIGS, goodConfig, reloadUnderLoad } from '../support/reload-load.js';

let folder: string;
let path: string;
let gateway: GatewayProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reload-'));
  path = join(folder, 'gateway.yaml');
  writeFileSync(path, stringify(goodConfig(0)));
  gateway = await GatewayProcess.start({ env: { CONFIG_PATH: path } });
});
afterEach(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a gateway whose file changes', () => {
  it('takes a change up by itself, and keeps the last good one when the next is bad', async () => {
    writeFileSync(
      path,
      stringify({ ...goodConfig(1), models: [{ name: 'new', targets: [{ provider: 'a', model: 'x' }] }] }),
    );
    await gateway.until(() => gateway.log.some(({ msg }) => msg === 'configuration applied'));
    writeFileSync(path, BAD_CONFIGS[5]!);
    await gateway.until(() => gateway.log.some(({ msg }) => String(msg).startsWith('configuration rejected')));
    const { problems, who } = gateway.log.find(({ msg }) => String(msg).startsWith('configuration rejected'))!;
    expect(who).toBe('file');
    expect(String(problems)).toContain('surplus');
    const response = await gateway.post({ model: 'new', messages: [{ role: 'user', content: 'hi' }] });
    expect(response.status).toBe(200);
  });

  it('serves every caller while 40 reloads come in, half of them bad in ten ways', async () => {
    const { requests, errors, outcomes } = await reloadUnderLoad(gateway, path, {
      reloads: 40,
      callers: 4,
    });
    expect(errors).toEqual([]);
    expect(requests).toBeGreaterThan(40);
    expect(outcomes['configuration applied']).toBeGreaterThanOrEqual(10);
    expect(outcomes['configuration rejected, the last good one stays']).toBeGreaterThanOrEqual(10);
  });
});
