import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const STREAM = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };

function config(tokenMs: number, drain: object): Readonly<Record<string, unknown>> {
  return {
    version: 1,
    auth: { anonymous: { enabled: true, models: ['*'] } },
    providers: [{ name: 'p', kind: 'simulated', simulated: { firstTokenMs: 10, tokenMs, tokens: 32 } }],
    models: [{ name: 'm', targets: [{ provider: 'p', model: 'm' }] }],
    resilience: { drain },
  };
}

/** Streams whose first bytes have come, and the rest of each. */
async function streams(gateway: GatewayProcess, count: number): Promise<Promise<string>[]> {
  const responses = await Promise.all(Array.from({ length: count }, () => gateway.post(STREAM)));
  return responses.map((response) => response.text());
}

describe('the drain', () => {
  let gateway: GatewayProcess;
  afterEach(() => gateway.stop());

  const told = (): object[] => gateway.log.filter(({ msg }) => msg === 'draining' || msg === 'drained');

  it('breaks none of 100 open streams, and exits 0', async () => {
    gateway = await GatewayProcess.start({ config: config(60, { delayMs: 200, timeoutMs: 20_000 }) });
    const open = await streams(gateway, 100);
    const stopped = gateway.stop('SIGTERM');
    const ended = await Promise.all(open);
    expect(ended.filter((text) => !text.endsWith('data: [DONE]\n\n') || text.includes('"error"'))).toEqual([]);
    expect(await stopped).toBe(0);
    await expect.poll(told).toMatchObject([
      { level: 'info', msg: 'draining', inFlight: 100, delayMs: 200, timeoutMs: 20_000 },
      { level: 'info', msg: 'drained', cutOff: 0 },
    ]);
  });

  it('ends a stream that is longer than the drain with an error event, and exits 0', async () => {
    gateway = await GatewayProcess.start({ config: config(2_000, { delayMs: 0, timeoutMs: 500 }) });
    const [open] = await streams(gateway, 1);
    const stopped = gateway.stop('SIGTERM');
    const text = await open!;
    expect(text).toContain('"code":"shutting_down"');
    expect(text).not.toContain('[DONE]');
    expect(await stopped).toBe(0);
    await expect.poll(() => told().at(-1)).toMatchObject({ level: 'warn', msg: 'drained', cutOff: 1 });
  });

  it('goes on serving while those who route to it notice, and tells them at once', async () => {
    gateway = await GatewayProcess.start({ config: config(1, { delayMs: 1_000, timeoutMs: 5_000 }) });
    const stopped = gateway.stop('SIGTERM');
    const ready = async (): Promise<number> => (await fetch(`${gateway.publicUrl}/v1/ready`)).status;
    while ((await ready()) !== 503);
    expect((await gateway.post(STREAM)).status).toBe(200);
    expect(await stopped).toBe(0);
  });

  it('counts the same signal within a second once, and ends at once on another', async () => {
    gateway = await GatewayProcess.start({ config: config(500, { delayMs: 0, timeoutMs: 60_000 }) });
    const [open] = await streams(gateway, 1);
    const cut = open!.catch(() => 'cut');
    gateway.child.kill('SIGTERM');
    gateway.child.kill('SIGTERM');
    const ops = async (path: string): Promise<number> => (await fetch(`${gateway.opsUrl}/v1/${path}`)).status;
    await expect.poll(() => ops('ready'), { timeout: 10_000 }).toBe(503);
    expect(await ops('health')).toBe(200);
    // The drain would take longer than the test may.
    expect(await gateway.stop('SIGINT')).toBe(0);
    await cut;
  });

  it('follows a failure that nobody handled: logged, drained, exit 1', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'failure-'));
    const path = join(folder, 'fail.mjs');
    writeFileSync(path, `process.on('SIGUSR2', () => { void Promise.reject(new Error('injected')); });`);
    gateway = await GatewayProcess.start({
      config: config(20, { delayMs: 5_000, timeoutMs: 60_000 }),
      env: { NODE_OPTIONS: `--import=${path}` },
    });
    const open = await streams(gateway, 5);
    const stopped = gateway.stop('SIGUSR2');
    for (const text of await Promise.all(open)) expect(text).toContain('[DONE]');
    expect(await stopped).toBe(1);
    expect(gateway.log.find(({ msg }) => msg === 'unhandled rejection')).toMatchObject({ level: 'fatal' });
  });

  it('lets `npm start` exit 0 when its whole process group is told to stop', async () => {
    gateway = await GatewayProcess.start();
    const child = spawn('npm', ['start', '--silent'], {
      detached: true,
      env: { ...process.env, PORT: '0', OPS_PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await new Promise<void>((resolve) => {
      let said = '';
      child.stderr.on('data', (text: Buffer) => {
        said += text.toString();
        if (said.includes('Try it:')) resolve();
      });
    });
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    process.kill(-child.pid!, 'SIGTERM');
    expect(await ended).toBe(0);
  });
});
