import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { systemClock } from '../../src/kernel/clock.js';
import { type AuditReport } from '../../src/quota/quota-store.js';
import { RedisQuotaStore } from '../../src/quota/redis-quota-store.js';
import { RedisServer } from '../support/redis-server.js';
import { LIMITS, orgAt } from './check-principals.mjs';

export interface CheckOptions {
  readonly durationMs: number;
  readonly gateways: number;
  /** Clients per gateway. */
  readonly clients: number;
  readonly seed: number;
  readonly leaseMs: number;
  /** One gateway dies this often. */
  readonly killEveryMs: number;
}

export interface CheckResult {
  readonly observations: number;
  readonly admitted: number;
  readonly refused: number;
  readonly settled: number;
  readonly kills: number;
  /** Charges after their lease had ended: the only way over a limit, and counted. */
  readonly lateNanoUsd: number;
  /** I1: the most that an account ever held over its limit. */
  readonly worstExcessNanoUsd: number;
  /** I3: observations in which the reserved sum was not that of the live reservations. */
  readonly wrongReserved: number;
  /** I2: observations in which the spent sum was not that of the charges that Redis adds up apart. */
  readonly wrongSums: number;
  /** I4: the longest that a reservation outlived its lease, µs. */
  readonly worstOverdueUs: number;
  /** I2, I8: accounts whose spent sum is not that of the charges written down. */
  readonly wrongSpent: readonly string[];
  /** I6: ids that were settled more than once. */
  readonly settledTwice: readonly string[];
  /** I7: reservations and slots left when all was over. */
  readonly leftOver: number;
}

const GATEWAY = fileURLToPath(new URL('./check-gateway.mjs', import.meta.url));
const RECENT_ORGS_MS = 2500;
const ORG_EVERY_MS = 500;

interface Observed {
  observations: number;
  worstExcessNanoUsd: number;
  wrongReserved: number;
  wrongSums: number;
  worstOverdueUs: number;
}

/** Runs gateways as processes against one real Redis, kills some, watches all the time, and adds up at the end. */
export async function checkModel(options: CheckOptions): Promise<CheckResult> {
  const server = await RedisServer.start();
  const directory = mkdtempSync(join(tmpdir(), 'quota-check-'));
  const ledgerPath = join(directory, 'ledger');
  writeFileSync(ledgerPath, '');
  // Who watches may wait, unlike a gateway: no time limits here.
  const admin = new Redis(server.port, '127.0.0.1');
  const run = new GatewayRun(options, server.url, ledgerPath);
  try {
    const watcher = new RedisQuotaStore(admin, systemClock, 'watcher', {
      leaseMs: options.leaseMs,
      onLeaseExpiry: 'release',
    });
    const observed = await watch(watcher, run, options);
    await run.ended();
    return { ...observed, kills: run.kills, ...(await addUp(watcher, admin, ledgerPath, options)) };
  } finally {
    run.kill();
    admin.disconnect();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The gateway processes of a check, one of which dies now and then. */
class GatewayRun {
  readonly startedAt = Date.now();
  readonly endsAt: number;
  kills = 0;
  #serial = 0;
  readonly #processes: ChildProcess[] = [];

  constructor(
    private readonly options: CheckOptions,
    private readonly url: string,
    private readonly ledgerPath: string,
  ) {
    this.endsAt = this.startedAt + options.durationMs;
    for (let n = 0; n < options.gateways; n++) this.#processes.push(this.#spawn());
  }

  /** Kills the gateway that has lived longest, and starts another. */
  async killOne(): Promise<void> {
    const oldest = this.#processes.shift();
    if (oldest === undefined) return;
    if (oldest.exitCode !== null) throw new Error(`a gateway ended by itself with code ${oldest.exitCode}`);
    const exited = once(oldest, 'exit');
    oldest.kill('SIGKILL');
    await exited;
    this.kills++;
    this.#processes.push(this.#spawn());
  }

  async ended(): Promise<void> {
    await Promise.all(this.#processes.map(async (process) => process.exitCode ?? (await once(process, 'exit'))));
  }

  /** Leaves no process behind. */
  kill(): void {
    for (const process of this.#processes) process.kill('SIGKILL');
  }

  #spawn(): ChildProcess {
    const serial = this.#serial++;
    const { url, ledgerPath, startedAt, endsAt } = this;
    const { seed, leaseMs, clients } = this.options;
    const facts = { url, ledgerPath, startedAt, endsAt, leaseMs, clients, gatewayId: `gw${serial}` };
    const argument = JSON.stringify({ ...facts, seed: seed + serial * 1000 });
    return spawn(process.execPath, [GATEWAY, argument], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

async function watch(watcher: RedisQuotaStore, run: GatewayRun, options: CheckOptions): Promise<Observed> {
  const observed = { observations: 0, worstExcessNanoUsd: 0, wrongReserved: 0, wrongSums: 0, worstOverdueUs: 0 };
  let nextKill = run.startedAt + options.killEveryMs;
  while (Date.now() < run.endsAt) {
    const elapsed = Date.now() - run.startedAt;
    const orgs = Array.from({ length: 1 + RECENT_ORGS_MS / ORG_EVERY_MS }, (_, n) => elapsed - n * ORG_EVERY_MS)
      .filter((ms) => ms >= 0)
      .map(orgAt);
    // Each org's report is one instant of Redis: one observation.
    const reports = await Promise.all(orgs.map((org) => watcher.audit([org])));
    for (const report of reports) judge(report, observed);
    if (Date.now() < nextKill) continue;
    nextKill += options.killEveryMs;
    await run.killOne();
  }
  return observed;
}

function judge(report: AuditReport, observed: Observed): void {
  observed.observations++;
  observed.worstOverdueUs = Math.max(observed.worstOverdueUs, report.overdueUs);
  for (const window of report.windows) {
    const { account, spentNanoUsd, reservedNanoUsd, recomputedNanoUsd } = window;
    const limit = LIMITS[account.slice(0, account.indexOf('.')) as keyof typeof LIMITS];
    observed.worstExcessNanoUsd = Math.max(observed.worstExcessNanoUsd, spentNanoUsd + reservedNanoUsd - limit);
    if (reservedNanoUsd !== recomputedNanoUsd) observed.wrongReserved++;
    if (spentNanoUsd !== window.chargedNanoUsd) observed.wrongSums++;
  }
}

type Sums = Omit<CheckResult, keyof Observed | 'kills'>;

async function addUp(watcher: RedisQuotaStore, admin: Redis, path: string, options: CheckOptions): Promise<Sums> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const orgs = [...new Set(lines.flatMap(([, org = '']) => (org.startsWith('org-') ? [org] : [])))];
  await sleep(options.leaseMs + 100);
  await watcher.sweep(orgs);
  const report = await watcher.audit(orgs);
  const answers = lines.filter(([word, , , , status]) => word === 'answered' && status !== 'already');
  const seen = new Set<string>();
  const late = answers.filter(([, , , , status]) => status === 'late');
  return {
    admitted: lines.filter(([word]) => word === 'admitted').length,
    refused: lines.filter(([word]) => word === 'refused').length,
    settled: answers.length,
    lateNanoUsd: late.reduce((sum, [, , , cost]) => sum + Number(cost), 0),
    wrongSpent: await compareSpent(admin, lines, report),
    settledTwice: answers.flatMap(([, , id = '']) => (seen.has(id) ? [id] : (seen.add(id), []))),
    leftOver: report.reservations + report.windows.filter(({ reservedNanoUsd }) => reservedNanoUsd !== 0).length,
  };
}

/** A charge counts if Redis marks its id as settled: also that of a gateway killed before it had the answer. */
async function compareSpent(admin: Redis, lines: readonly string[][], report: AuditReport): Promise<string[]> {
  const charges = new Map<string, { readonly org: string; readonly cost: number }>();
  for (const [word, org = '', id = '', cost] of lines)
    if (word === 'sent') charges.set(id, { org, cost: Number(cost) });
  const byOrg = new Map<string, number>();
  const ids = [...charges.keys()];
  for (let at = 0; at < ids.length; at += 1000) {
    const batch = ids.slice(at, at + 1000);
    const marks = await Promise.all(batch.map((id) => admin.exists(`q:{${charges.get(id)!.org}}:1:done:${id}`)));
    batch.forEach((id, place) => {
      const { org, cost } = charges.get(id)!;
      if (marks[place] === 1) byOrg.set(org, (byOrg.get(org) ?? 0) + cost);
    });
  }
  // Every key has a budget of every scope: each scope's accounts add up to the charges of the org.
  return [...byOrg].flatMap(([org, charged]) =>
    Object.keys(LIMITS).flatMap((scope) => {
      const windows = report.windows.filter((w) => w.org === org && w.account.startsWith(`${scope}.`));
      const spent = windows.reduce((sum, { spentNanoUsd }) => sum + spentNanoUsd, 0);
      return spent === charged ? [] : [`${org} ${scope}: ${spent} in Redis, ${charged} in the ledger`];
    }),
  );
}
