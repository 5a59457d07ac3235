import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { NUMBERED_ADMIN, numberedConfig } from '../support/numbered-config.js';

let folder: string;
let path: string;
let gateway: GatewayProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'revoked-'));
  path = join(folder, 'gateway.yaml');
  writeFileSync(path, numberedConfig(1));
  gateway = await GatewayProcess.start({ env: { CONFIG_PATH: path } });
});
afterEach(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

const get = (route: string): Promise<Response> =>
  fetch(`${gateway.opsUrl}/admin/${route}`, { headers: { authorization: `Bearer ${NUMBERED_ADMIN}` } });

describe('an admin whose key is taken out of the file', () => {
  it('loses the stream that was open, and gets no other', async () => {
    const stream = await get('events');
    expect(stream.status).toBe(200);
    writeFileSync(path, numberedConfig(2).replace(NUMBERED_ADMIN, 'another-secret-0123456789'));
    // Ends, or the test does at its time limit.
    expect(await stream.text()).toContain('event: status');
    for (const route of ['events', 'status', 'keys']) expect((await get(route)).status).toBe(401);
  });
});
