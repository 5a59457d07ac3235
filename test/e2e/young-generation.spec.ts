import { type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers, beginStream, event } from '../support/upstream-scripts.js';

const REQUESTS = 200;
/** The flight recorder's row and what identifies a request; a request that stays takes 4.5 KB or more. */
const MAY_STAY_BYTES = 1_024;
/** What an open stream may keep of its last event; a promise that waits for the next one, with all that hangs on it, takes 1.4 KB or more. */
const MAY_KEEP_BYTES = 768;
const MESSAGES = [{ role: 'user', content: 'Hi' }];

/**
 * Two collections of the young generation move all that they find reachable to the old one: what that has grown by is what
 * stayed, unless a full collection came between. Code is not optimised: the compiler would spare some requests, not those of a process that has just begun.
 */
const PROBE = `
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--no-opt');
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
let full = 0;
new PerformanceObserver((list) => {
  full += list.getEntries().filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
}).observe({ entryTypes: ['gc'] });
process.on('SIGUSR2', () => {
  for (let times = 0; times < 2; times++) collect({ type: 'minor' });
  const old = getHeapSpaceStatistics().filter(({ space_name }) => /^(old|large_object)_space$/.test(space_name));
  const used = old.reduce((sum, space) => sum + space.space_used_size, 0);
  setImmediate(() => process.stderr.write('old generation ' + used + ' after ' + full + '\\n'));
});
`;

let folder: string;
let upstream: ScriptedUpstream;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'young-generation-'));
  const probe = join(folder, 'probe.mjs');
  writeFileSync(probe, PROBE);
  upstream = await ScriptedUpstream.start(answers('Hello'));
  const provider = { kind: 'openai', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } };
  gateway = await GatewayProcess.start({
    env: { NODE_OPTIONS: `--import=${pathToFileURL(probe).href}` },
    config: {
      version: 1,
      auth: {
        anonymous: { enabled: true, models: ['*'], limits: { requestsPerMinute: 1_000_000, requestBurst: 100_000 } },
      },
      providers: [
        { name: 'cancel', ...provider },
        { name: 'drain', ...provider, onDisconnect: 'drain' },
      ],
      models: ['cancel', 'drain'].map((name) => ({
        name,
        targets: [{ provider: name, model: 'm' }],
        price: { inputPerMillion: '1', outputPerMillion: '1' },
      })),
    },
  });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await upstream.stop();
  await gateway.stop();
});

/** The old generation, bytes, and how many full collections there have been. */
async function oldGeneration(): Promise<{ used: number; collections: number }> {
  const told = /old generation (\d+) after (\d+)\n/g;
  const before = [...gateway.stderr.matchAll(told)].length;
  gateway.child.kill('SIGUSR2');
  await gateway.until(() => [...gateway.stderr.matchAll(told)].length > before);
  const [, used, collections] = [...gateway.stderr.matchAll(told)].at(-1)!;
  return { used: Number(used), collections: Number(collections) };
}

async function ask(body: object): Promise<void> {
  for (let sent = 0; sent < REQUESTS; sent++) {
    const response = await gateway.post({ ...body, messages: MESSAGES });
    const text = await response.text();
    expect(text).toContain('Hello');
  }
}

it.each([
  { what: 'a plain answer', body: { model: 'cancel' } },
  { what: 'a stream', body: { model: 'cancel', stream: true } },
  { what: 'a request whose upstream would be read on if its caller left', body: { model: 'drain' } },
])(
  'nothing but a row of the flight recorder is left of $what after a collection of the young generation',
  async ({ body }) => {
    // Until the flight recorder is full, and each function knows its types.
    for (let times = 0; times < 5; times++) await ask(body);
    const before = await oldGeneration();
    await ask(body);
    const after = await oldGeneration();
    expect(after.collections).toBe(before.collections);
    expect(after.used - before.used).toBeLessThan(REQUESTS * MAY_STAY_BYTES);
  },
);

it('next to nothing is left of an event in a stream that waits for the next one', async () => {
  const upstreams: ServerResponse[] = [];
  upstream.script = (_request, response) => {
    beginStream(response);
    response.write(event({ content: 'Hello' }));
    upstreams.push(response);
  };
  const open = await Promise.all(
    Array.from({ length: REQUESTS }, () => gateway.post({ model: 'cancel', stream: true, messages: MESSAGES })),
  );
  const callers = open.map((response) => response.body!.getReader());
  const readAll = () => Promise.all(callers.map((caller) => caller.read()));
  const passOn = async (content: string): Promise<void> => {
    for (const response of upstreams) response.write(event({ content }));
    for (const { value } of await readAll()) expect(Buffer.from(value).toString()).toContain(content);
  };
  await readAll();
  for (let times = 0; times < 5; times++) await passOn(`word ${times}`);
  const before = await oldGeneration();
  await passOn('the last word');
  const after = await oldGeneration();
  expect(after.collections).toBe(before.collections);
  expect((after.used - before.used) / REQUESTS).toBeLessThan(MAY_KEEP_BYTES);
  await Promise.all(callers.map((caller) => caller.cancel()));
});
