import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ADMIN_KEY, change } from '../support/worker-gateway.js';

const HELLO = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const CONFIG = {
  version: 1,
  auth: { anonymous: { enabled: true }, keys: [{ id: 'admin', secret: ADMIN_KEY, role: 'admin' }] },
  providers: [{ name: 'p', kind: 'simulated', simulated: { firstTokenMs: 0, tokenMs: 0, tokens: 4 } }],
  models: [{ name: 'm', targets: [{ provider: 'p', model: 'm' }] }],
  resilience: { drain: { delayMs: 0, timeoutMs: 5_000 }, shedding: { enabled: false } },
};
/** Refused with a line of the log for its many mistakes, of about a megabyte. */
const REFUSED = JSON.stringify({ ...CONFIG, models: Array.from({ length: 10_000 }, () => ({ name: 1 })) });

describe('a log that nobody reads', { timeout: 60_000 }, () => {
  let folder: string;
  let pipe: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-'));
    const path = join(folder, 'log');
    execFileSync('mkfifo', [path]);
    // Open at both ends: whoever writes to it waits when it is full.
    pipe = openSync(path, 'r+');
  });
  afterEach(() => {
    closeSync(pipe);
    rmSync(folder, { recursive: true });
  });

  it('costs lines, which are counted: requests are answered, and the gateway ends when it is told to', async () => {
    const configPath = join(folder, 'gateway.yaml');
    writeFileSync(configPath, JSON.stringify(CONFIG));
    const gateway = await GatewayProcess.start({ env: { CONFIG_PATH: configPath }, stdout: pipe });
    const dropped = async (): Promise<number> => (await gateway.metrics()).get('gateway_log_lines_dropped_total') ?? 0;
    try {
      expect(await dropped()).toBe(0);
      writeFileSync(configPath, REFUSED);
      for (let turn = 0; turn < 100 && (await dropped()) === 0; turn++) await change(gateway, '/admin/config/reload');
      const before = await dropped();
      expect(before).toBeGreaterThan(0);
      const answers = await Promise.all(Array.from({ length: 200 }, async () => (await gateway.post(HELLO)).status));
      expect(answers.filter((status) => status !== 200)).toEqual([]);
    } finally {
      const ended = gateway.stop('SIGTERM');
      await gateway.until(() => gateway.exited, 20_000);
      await ended;
    }
  });
});

describe.each([1, 2])('the end of a gateway of %s processes', { timeout: 60_000 }, (workers) => {
  let folder: string;
  let fifo: string;
  const opened: number[] = [];
  const open = (path: string, flags: string | number): number => {
    const fd = openSync(path, flags);
    opened.push(fd);
    return fd;
  };
  const close = (fd: number): void => {
    closeSync(fd);
    opened.splice(opened.indexOf(fd), 1);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-'));
    fifo = join(folder, 'log');
    execFileSync('mkfifo', [fifo]);
  });
  afterEach(() => {
    for (const fd of [...opened]) close(fd);
    rmSync(folder, { recursive: true });
  });
  const start = (stdout: number): Promise<GatewayProcess> =>
    GatewayProcess.start({ config: CONFIG, env: { WORKERS: String(workers) }, stdout });
  const end = async (gateway: GatewayProcess): Promise<number | null> => {
    const ended = gateway.stop('SIGTERM');
    try {
      await gateway.until(() => gateway.exited, 20_000);
    } finally {
      await gateway.stop();
    }
    return ended;
  };

  it('comes where whoever read its log has died', async () => {
    const reader = open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = open(fifo, 'w');
    const gateway = await start(writer);
    close(writer);
    close(reader);
    expect(await end(gateway)).toBe(0);
  });

  it('comes where the disk that takes its log is full', async () => {
    expect(await end(await start(open('/dev/full', 'w')))).toBe(0);
  });

  it('comes where its log fills up only then', async () => {
    const both = open(fifo, 'r+');
    const gateway = await start(both);
    // A pipe holds 64 KiB; what the start wrote of it stays.
    const filling = open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    const byte = Buffer.from(' ');
    expect(() => {
      for (;;) writeSync(filling, byte);
    }).toThrow('EAGAIN');
    // Ended by force, since its last lines are still under way; of several, the workers alone are.
    expect(await end(gateway)).toBe(workers === 1 ? null : 1);
    expect(readSync(both, Buffer.alloc(64))).toBe(64);
  });
});
