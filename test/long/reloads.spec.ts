import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { NUMBERED_ADMIN, numberedConfig, readNumberedAnswer, tokensOf } from '../support/numbered-config.js';
import { BAD_CONFIGS } from '../support/reload-load.js';

/** `npm run reload:check` takes a minute; without it the same check is short, and leaves the memory out. */
const LENGTH_MS = Number(process.env.RELOAD_CHECK_MS ?? 6_000);
const LONG = LENGTH_MS >= 60_000;
const EVERY_MS = 300;
const RELOADS = Math.round(LENGTH_MS / EVERY_MS);
const CALLERS = 8;
const MEMORY_SLACK = 8 * 1024 * 1024;

let folder: string;
let path: string;
let gateway: GatewayProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reloads-'));
  path = join(folder, 'gateway.yaml');
  writeFileSync(path, numberedConfig(0));
  gateway = await GatewayProcess.start({ env: { CONFIG_PATH: path } });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Replaces the file and asks for it. @returns how the gateway took it */
async function reload(text: string): Promise<string> {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  const headers = { authorization: `Bearer ${NUMBERED_ADMIN}` };
  const response = await fetch(`${gateway.opsUrl}/admin/config/reload`, { method: 'POST', headers });
  return ((await response.json()) as { result: string }).result;
}

/** Bytes in use right after the last collection that happened in a while: the least that was seen. */
async function leastHeap(during: Promise<unknown>): Promise<number> {
  let least = Infinity;
  let over = false;
  void during.finally(() => (over = true));
  while (!over) {
    least = Math.min(least, (await gateway.metrics()).get('nodejs_heap_size_used_bytes') ?? Infinity);
    await pause(500);
  }
  return least;
}

describe('a gateway under load whose file is replaced again and again', () => {
  it(
    'answers every request by exactly one file, one that was in force while it ran, and keeps its memory',
    async () => {
      // The newest good file that is certainly in force, and the newest that may be.
      let certain = 0;
      let possible = 0;
      let running = true;
      let requests = 0;
      const wrong: string[] = [];
      const ask = async (): Promise<void> => {
        const from = certain;
        const response = await gateway.post({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] });
        const text = await response.text();
        const { turn, tokens, complete } = readNumberedAnswer(text);
        const right = turn !== undefined && turn >= from && turn <= possible && tokens === tokensOf(turn);
        if (response.status !== 200 || !complete || !right)
          wrong.push(`${response.status} ${from} ${possible} ${text}`);
      };
      const callers = Array.from({ length: CALLERS }, async () => {
        for (; running; requests++) await ask().catch((error: unknown) => wrong.push(String(error)));
      });

      const results = new Map<string, number>();
      const reloads = async (from: number, to: number): Promise<void> => {
        for (let turn = from; turn < to; turn++) {
          const good = turn % 2 === 1;
          if (good) possible = turn;
          const result = await reload(good ? numberedConfig(turn) : BAD_CONFIGS[(turn / 2) % BAD_CONFIGS.length]!);
          if (good) certain = turn;
          // The watcher may have been quicker with a good file: then asking for it changes nothing.
          const expected = good ? /^(applied|unchanged)$/ : /^rejected$/;
          if (!expected.test(result)) wrong.push(`reload ${turn}: ${result}`);
          results.set(result, (results.get(result) ?? 0) + 1);
          await pause(EVERY_MS);
        }
      };
      const third = Math.floor(RELOADS / 3);
      await leastHeap(reloads(1, third));
      const before = await leastHeap(reloads(third, 2 * third));
      const after = await leastHeap(reloads(2 * third, RELOADS + 1));
      running = false;
      await Promise.all(callers);

      const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
      process.stderr.write(
        `${RELOADS} reloads (${JSON.stringify(Object.fromEntries(results))}), ${requests} requests, ${wrong.length} wrong, ` +
          `least heap ${megabytes(before)} MiB in the second third, ${megabytes(after)} MiB in the last\n`,
      );
      expect(wrong).toEqual([]);
      expect(requests).toBeGreaterThan(RELOADS);
      expect(results.get('rejected')).toBe(Math.floor(RELOADS / 2));
      if (LONG) expect(after).toBeLessThan(before + MEMORY_SLACK);
    },
    LENGTH_MS * 3 + 30_000,
  );
});
