import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { memoryLimitBytes, ProcessLoad } from './process-load.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'process-load-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const file = (content: string): string => {
  const path = join(folder, 'memory.max');
  writeFileSync(path, content);
  return path;
};

it('takes the cgroup’s limit where there is one', () => {
  expect(memoryLimitBytes(['/nowhere', file('104857600\n')])).toBe(104_857_600);
});

it('takes the machine’s memory where the cgroup has no limit, or an absurd one', () => {
  expect(memoryLimitBytes([file('max\n')])).toBe(totalmem());
  expect(memoryLimitBytes([file('9223372036854771712\n')])).toBe(totalmem());
});

it('reads this process as shares of its limits', () => {
  const load = new ProcessLoad(2 ** 40, () => ({ inFlight: 5, maxInFlight: 10, sockets: 1, maxSockets: 4 }));
  const sample = load.read();
  load.close();
  expect(sample).toMatchObject({ inFlight: 0.5, sockets: 0.25 });
  expect(sample.memory).toBeGreaterThan(0);
  expect(sample.memory).toBeLessThan(1);
  expect(sample.loopDelayMs).toBeGreaterThanOrEqual(0);
});
