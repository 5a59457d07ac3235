import { type Worker } from 'node:cluster';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock } from '../kernel/clock.js';
import { LONGEST_DRAIN_DELAY_MS, LONGEST_DRAIN_MS } from '../kernel/longest-drain.js';
import { QuotaStoreHost } from '../quota/quota-store-host.js';
import { type Member, newMember } from './member.js';
import { addEnded } from './merged-metrics.js';
import { type Families, parseFamilies } from './metric-families.js';
import { type FromWorker, type ToWorker } from './worker-messages.js';
import { scrape, tell } from './worker-relay.js';
import { type WorkerState } from './worker-state.js';

/** Workers that end by themselves within a minute and are replaced; one more, and the gateway gives up. */
const REPLACED_PER_MINUTE = 5;
const FIRST_DELAY_MS = 100;
const READY_WITHIN_MS = 60_000;
const TOLD_WITHIN_MS = 2_000;
/** Beyond the longest drain that a file may ask for, which the worker itself ends. */
const GONE_WITHIN_MS = LONGEST_DRAIN_DELAY_MS + LONGEST_DRAIN_MS + 60_000;

/** A worker ended before it served. */
export class WorkerFailed extends Error {
  readonly code = 'WORKER_FAILED';
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly fork: () => Worker;
  /** Workers end faster than they may be replaced. */
  readonly onGivenUp: () => void;
  /** A worker that was told to end has not done so within `afterMs`, and is killed. */
  readonly onKilled: (id: number, afterMs: number) => void;
}

/** The workers of one gateway: started, replaced when they die, drained, restarted one by one. */
export class WorkerPool {
  readonly #members = new Map<number, Member>();
  readonly #clock: Clock;
  readonly #quota: QuotaStoreHost;
  #replacedAt: number[] = [];
  #stopping = false;
  #rolling = false;
  #ended: Families = new Map();
  #turn: Promise<unknown> = Promise.resolve();
  #questions = 0;

  constructor(private readonly options: PoolOptions) {
    this.#clock = options.clock;
    this.#quota = new QuotaStoreHost(options.clock);
  }

  /** Those that take what operators send, the oldest first. */
  get listening(): readonly Member[] {
    return this.all.filter(({ opsPath }) => opsPath !== '');
  }

  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** A rolling restart is under way, or the end. */
  get busy(): boolean {
    return this.#rolling || this.#stopping;
  }

  /** Counters of the workers that are gone. */
  get ended(): Families {
    return this.#ended;
  }

  /** Resolves when all serve. @throws WorkerFailed */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#fork()));
  }

  /** Changes of what operators set, and workers that take it over, one after the other: nobody misses a change. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  signal(signal: NodeJS.Signals): void {
    for (const { worker } of this.all) worker.process.kill(signal);
  }

  /**
   * Sends the signal to all, and replaces none. Resolves with the worst exit code when all have ended; one that has not
   * done so when no drain can take any longer is killed.
   */
  async stop(signal: NodeJS.Signals): Promise<number> {
    this.#stopping = true;
    const codes = this.all.map((member) => this.#ends(member));
    this.signal(signal);
    return Math.max(0, ...(await Promise.all(codes)));
  }

  /**
   * Replaces every worker by a new one, which serves before the old one drains; one at a time.
   * @throws WorkerFailed: the old ones that are left stay
   */
  async restart(): Promise<void> {
    if (this.busy) return;
    this.#rolling = true;
    try {
      for (const old of this.all) if (this.#lives(old) && !this.#stopping) await this.#succeed(old);
    } finally {
      this.#rolling = false;
    }
  }

  async #succeed(old: Member): Promise<void> {
    old.replaced = true;
    try {
      await this.#fork();
    } catch (error) {
      old.replaced = false;
      if (!this.#lives(old)) this.#replace();
      throw error;
    }
    await scrape(old);
    if (!this.#lives(old) || this.#stopping) return;
    old.state = 'draining';
    const ended = this.#ends(old);
    this.#send(old, { leave: true });
    await ended;
  }

  /** Resolves with the exit code of a worker that is told to end, be it once or again. */
  #ends(member: Member): Promise<number> {
    return (member.ending ??= this.#endOf(member));
  }

  async #endOf({ worker }: Member): Promise<number> {
    const late = this.#clock.after(GONE_WITHIN_MS, () => {
      this.options.onKilled(worker.id, GONE_WITHIN_MS);
      worker.process.kill('SIGKILL');
    });
    const code = await exitOf(worker);
    late.cancel();
    return code;
  }

  #fork(): Promise<void> {
    const worker = this.options.fork();
    const member = newMember(worker, this.#clock.now());
    this.#members.set(worker.id, member);
    return new Promise((resolve, reject) => {
      const late = this.#clock.after(READY_WITHIN_MS, () => worker.process.kill('SIGKILL'));
      const serves = new Promise<void>((served) => {
        worker.on('message', (message: FromWorker) => {
          if ('begins' in message) void this.#stateOfOldest().then((adopt) => this.#send(member, { adopt }));
          if ('standing' in message) void this.inTurn(() => this.#admit(member, message.standing, serves));
          this.#take(member, message);
          if (!('ready' in message)) return;
          late.cancel();
          served();
          resolve();
        });
        worker.once('exit', () => {
          late.cancel();
          this.#forget(member);
          served();
          reject(new WorkerFailed(`worker ${worker.id} ended before it served`));
        });
      });
      // A message that finds nobody is told by the exit.
      worker.on('error', () => undefined);
    });
  }

  /** Lets a worker serve with what the oldest has; from then on it is told of changes. */
  async #admit(member: Member, opsPath: string, serves: Promise<void>): Promise<void> {
    const adopt = await this.#stateOfOldest();
    member.opsPath = opsPath;
    if (!this.#lives(member)) removeFolderOf(member);
    this.#send(member, { adopt });
    await serves;
  }

  /** Null where nobody serves, or the oldest does not tell. */
  async #stateOfOldest(): Promise<WorkerState | null> {
    const oldest = this.all.find(({ state }) => state === 'ready');
    return oldest ? await this.#stateOf(oldest) : null;
  }

  #stateOf(member: Member): Promise<WorkerState | null> {
    const { worker } = member;
    const question = ++this.#questions;
    return new Promise((resolve) => {
      const finish = (state: WorkerState | null): void => {
        late.cancel();
        worker.off('message', listen);
        resolve(state);
      };
      const late = this.#clock.after(TOLD_WITHIN_MS, () => finish(null));
      const listen = (message: FromWorker): void => {
        if ('told' in message && message.to === question) finish(message.told);
      };
      worker.on('message', listen);
      this.#send(member, { tell: question });
    });
  }

  #take(member: Member, message: FromWorker): void {
    if ('quotaCalls' in message) {
      const quotaReplies = message.quotaCalls.map((call) => this.#quota.answer(call));
      this.#send(member, { quotaReplies });
    } else if ('lastWords' in message) {
      tell(member, parseFamilies(message.lastWords), true);
      this.#send(member, { heard: true });
    } else if ('ready' in message) {
      member.publicUrl = message.publicUrl;
      member.state = 'ready';
    }
  }

  #send({ worker }: Member, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message, () => undefined);
  }

  #lives({ worker }: Member): boolean {
    return this.#members.has(worker.id);
  }

  #forget(member: Member): void {
    this.#members.delete(member.worker.id);
    this.#ended = addEnded(this.#ended, member.last);
    removeFolderOf(member);
    if (member.state === 'ready' && !member.replaced && !this.#stopping) this.#replace();
  }

  #replace(): void {
    const now = this.#clock.now();
    this.#replacedAt = this.#replacedAt.filter((at) => now - at < 60_000);
    if (this.#replacedAt.length >= REPLACED_PER_MINUTE) {
      this.options.onGivenUp();
      return;
    }
    const delayMs = FIRST_DELAY_MS * 2 ** this.#replacedAt.length;
    this.#replacedAt.push(now);
    this.#clock.after(delayMs, () => {
      if (this.#stopping) return;
      this.#fork().catch(() => {
        if (!this.#stopping) this.#replace();
      });
    });
  }
}

function removeFolderOf({ opsPath }: Member): void {
  if (opsPath !== '') rmSync(dirname(opsPath), { recursive: true, force: true });
}

function exitOf(worker: Worker): Promise<number> {
  if (worker.isDead()) return Promise.resolve(worker.process.exitCode ?? 1);
  return new Promise((resolve) => {
    worker.once('exit', (code: number | null) => resolve(code ?? 1));
  });
}
