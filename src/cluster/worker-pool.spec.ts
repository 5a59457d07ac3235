import { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type FromWorker, type ToWorker } from './worker-messages.js';
import { WorkerFailed, WorkerPool } from './worker-pool.js';
import { type WorkerState } from './worker-state.js';

const NOTHING: WorkerState = {
  config: { text: undefined, history: [] },
  seenFile: undefined,
  overrides: [],
  experiments: [],
  chaosSecret: '',
  logLevel: 'info',
  audit: [],
};

/** What the pool sees of a process. */
class FakeWorker extends EventEmitter {
  readonly sent: ToWorker[] = [];
  readonly signals: string[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'fake-worker-'));
  readonly process = { pid: 1, exitCode: null, kill: (signal: string) => this.signals.push(signal) };
  #dead = false;

  constructor(readonly id: number) {
    super();
  }

  send(message: ToWorker): void {
    this.sent.push(message);
  }

  isConnected(): boolean {
    return !this.#dead;
  }

  isDead(): boolean {
    return this.#dead;
  }

  tell(message: FromWorker): void {
    this.emit('message', message);
  }

  async stand(): Promise<void> {
    this.tell({ standing: join(this.folder, 'ops.sock') });
    await settled();
  }

  /** Answers the last question that it was asked. */
  async answer(told: WorkerState): Promise<void> {
    const { tell } = this.sent.findLast((message) => 'tell' in message) ?? { tell: 0 };
    this.tell({ told, to: tell });
    await settled();
  }

  async ready(): Promise<void> {
    this.tell({ ready: true, publicUrl: '' });
    await settled();
  }

  async serve(): Promise<void> {
    await this.stand();
    await this.ready();
  }

  async end(code = 1): Promise<void> {
    this.#dead = true;
    this.emit('exit', code);
    await settled();
  }
}

/** Scrapes of sockets that nobody listens on fail within it, too. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function setUp() {
  const clock = new ManualClock();
  const forked: FakeWorker[] = [];
  let givenUp = 0;
  const killed: number[] = [];
  const pool = new WorkerPool({
    clock,
    fork: () => {
      const worker = new FakeWorker(forked.length + 1);
      forked.push(worker);
      folders.push(worker.folder);
      return worker as unknown as Worker;
    },
    onGivenUp: () => givenUp++,
    onKilled: (id) => killed.push(id),
  });
  return { clock, forked, pool, killed, givenUp: () => givenUp };
}

async function started(count: number) {
  const set = setUp();
  const standing = set.pool.start(count);
  for (const worker of set.forked) {
    await worker.stand();
    // The oldest is asked on behalf of the next.
    await set.forked[0]?.answer(NOTHING);
    await worker.ready();
  }
  await standing;
  return set;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('WorkerPool', () => {
  it('rejects when a worker ends before it serves', async () => {
    const { pool, forked } = setUp();
    const failed = expect(pool.start(2)).rejects.toThrow(WorkerFailed);
    await forked[1]?.end();
    await failed;
  });

  it('ends a worker that does not serve within a minute', async () => {
    const { pool, forked, clock } = setUp();
    const failed = expect(pool.start(1)).rejects.toThrow(WorkerFailed);
    await clock.advance(60_000);
    expect(forked[0]?.signals).toEqual(['SIGKILL']);
    await forked[0]?.end();
    await failed;
  });

  it('replaces a worker that dies after 100 ms, the next after 200 ms, and removes its folder', async () => {
    const { forked, clock } = await started(1);
    await forked[0]!.end();
    expect(existsSync(forked[0]!.folder)).toBe(false);
    await clock.advance(99);
    expect(forked).toHaveLength(1);
    await clock.advance(1);
    expect(forked).toHaveLength(2);
    await forked[1]!.serve();
    await forked[1]!.end();
    await clock.advance(199);
    expect(forked).toHaveLength(2);
    await clock.advance(1);
    expect(forked).toHaveLength(3);
  });

  it('gives up once when six end within a minute, replacements that never served among them', async () => {
    const { forked, clock, givenUp, pool } = await started(1);
    for (let ended = 0; ended < 6; ended++) {
      expect(givenUp()).toBe(0);
      await forked.at(-1)!.end();
      await clock.advance(3_200);
    }
    expect(givenUp()).toBe(1);
    expect(pool.all).toEqual([]);
  });

  it('goes on when they end more rarely', async () => {
    const { forked, clock, givenUp } = await started(1);
    for (let ended = 0; ended < 10; ended++) {
      await forked.at(-1)!.end();
      await clock.advance(3_200);
      await forked.at(-1)!.serve();
      await clock.advance(20_000);
    }
    expect(givenUp()).toBe(0);
    expect(forked).toHaveLength(11);
  });

  it('lets a new worker serve with what the oldest has, and changes wait meanwhile', async () => {
    const { forked, clock, pool } = await started(2);
    expect(forked[0]!.sent).toEqual([{ adopt: null }, { tell: 1 }]);
    await forked[1]!.end();
    await clock.advance(100);
    const [oldest, , fresh] = forked;
    await fresh!.stand();
    let changed = false;
    const change = pool.inTurn(() => Promise.resolve((changed = true)));
    const override = { provider: 'p', drained: true, weight: undefined, remainingMs: 0 };
    const told = { ...NOTHING, overrides: [override] };
    // What it answers to an earlier question may be older than a change.
    oldest!.tell({ told: NOTHING, to: 1 });
    await oldest!.answer(told);
    expect(fresh!.sent).toEqual([{ adopt: told }]);
    expect(changed).toBe(false);
    await fresh!.ready();
    await change;
    expect(changed).toBe(true);
  });

  it('tells a process that begins what to start with, while changes go on', async () => {
    const { forked, clock, pool } = await started(2);
    await forked[1]!.end();
    await clock.advance(100);
    const [oldest, , fresh] = forked;
    fresh!.tell({ begins: true });
    await settled();
    await pool.inTurn(() => Promise.resolve());
    expect(fresh!.sent).toEqual([]);
    await oldest!.answer(NOTHING);
    expect(fresh!.sent).toEqual([{ adopt: NOTHING }]);
  });

  it('answers what a worker asks of the quota store in one message', async () => {
    const { forked } = await started(1);
    const [worker] = forked;
    const call = (quotaCall: number, method: 'open' | 'sweep', argument?: object) => ({ quotaCall, method, argument });
    worker!.tell({ quotaCalls: [call(0, 'open', { leaseMs: 1_000, onLeaseExpiry: 'release' })] });
    worker!.tell({ quotaCalls: [call(1, 'sweep'), call(2, 'sweep')] });
    const answer = { value: 0, error: undefined, expired: 0 };
    const quotaReplies = [
      { quotaReply: 1, ...answer },
      { quotaReply: 2, ...answer },
    ];
    const opened = { quotaReplies: [{ quotaReply: 0, ...answer, value: 1_000 }] };
    expect(worker!.sent.slice(1)).toEqual([opened, { quotaReplies }]);
  });

  it('restarts one by one: a new worker serves before an old one leaves', async () => {
    const { forked, pool } = await started(2);
    const rolled = pool.restart();
    expect(pool.busy).toBe(true);
    await settled();
    expect(forked).toHaveLength(3);
    expect(forked[0]!.sent).not.toContainEqual({ leave: true });
    for (const at of [0, 1]) {
      const fresh = forked[2 + at]!;
      await fresh.stand();
      await forked.find(({ id }) => id === pool.all[0]!.worker.id)!.answer(NOTHING);
      await fresh.ready();
      await expect.poll(() => forked[at]!.sent).toContainEqual({ leave: true });
      forked[at]!.tell({ lastWords: '# HELP a A.\n# TYPE a counter\na_total 4\n' });
      expect(forked[at]!.sent.at(-1)).toEqual({ heard: true });
      await forked[at]!.end(0);
    }
    await rolled;
    expect(forked).toHaveLength(4);
    expect(pool.all.map(({ worker }) => worker.id)).toEqual([3, 4]);
    expect(pool.ended.get('a_total')?.samples.get('a_total')).toBe(8);
  });

  it('keeps the old ones when a new worker does not start', async () => {
    const { forked, pool, clock } = await started(2);
    const failed = expect(pool.restart()).rejects.toThrow(WorkerFailed);
    await settled();
    await forked[2]!.end();
    await failed;
    expect(pool.busy).toBe(false);
    expect(pool.all.map(({ worker }) => worker.id)).toEqual([1, 2]);
    await forked[0]!.end();
    await clock.advance(100);
    expect(forked).toHaveLength(4);
  });

  it('ends with the worst exit code, and replaces nobody', async () => {
    const { forked, pool, clock } = await started(2);
    const stopped = pool.stop('SIGTERM');
    expect(forked.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM']]);
    await forked[0]!.end(0);
    await forked[1]!.end(3);
    expect(await stopped).toBe(3);
    await clock.advance(60_000);
    expect(forked).toHaveLength(2);
  });

  it('kills a worker that does not end when no drain can take any longer, at a stop and at a restart', async () => {
    const { forked, pool, clock, killed } = await started(2);
    void pool.restart();
    await settled();
    await forked[2]!.stand();
    await forked[0]!.answer(NOTHING);
    await forked[2]!.ready();
    await expect.poll(() => forked[0]!.sent).toContainEqual({ leave: true });
    const stopped = pool.stop('SIGTERM');
    await forked[2]!.end(0);
    await clock.advance(71 * 60_000 - 1);
    expect(killed).toEqual([]);
    await forked[1]!.end(0);
    await clock.advance(1);
    expect(forked.map(({ signals }) => signals)).toEqual([['SIGTERM', 'SIGKILL'], ['SIGTERM'], ['SIGTERM']]);
    expect(killed).toEqual([1]);
    await forked[0]!.end(137);
    expect(await stopped).toBe(137);
  });
});
