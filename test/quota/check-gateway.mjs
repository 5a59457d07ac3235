// One gateway of the model check: clients that acquire, settle, settle twice, release or walk away, by a seed.
// Every charge is written down before it is sent and after it was answered, so that a kill loses no evidence.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../dist/kernel/clock.js';
import { connectQuotaRedis } from '../../dist/quota/redis-client.js';
import { RedisQuotaStore } from '../../dist/quota/redis-quota-store.js';
import { orgAt, principalsOf } from './check-principals.mjs';

const { url, ledgerPath, gatewayId, seed, startedAt, endsAt, leaseMs, clients } = JSON.parse(process.argv[2]);
const ledger = openSync(ledgerPath, 'a');
const note = (...words) => writeSync(ledger, `${words.join(' ')}\n`);

function randomFrom(start) {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const redis = connectQuotaRedis(url, () => undefined);
await new Promise((resolve) => redis.once('ready', resolve));
const store = new RedisQuotaStore(redis, systemClock, gatewayId, { leaseMs, onLeaseExpiry: 'release' });
let serial = 0;

async function settle(org, reservation, costNanoUsd) {
  note('sent', org, reservation.id, costNanoUsd);
  const tokens = costNanoUsd > 0 ? reservation.tokens : 0;
  const status = await store.settle({ reservation, costNanoUsd, tokens });
  note('answered', org, reservation.id, costNanoUsd, status);
}

async function request(random) {
  const org = orgAt(Date.now() - startedAt);
  const principals = principalsOf(org);
  const principal = principals[Math.floor(random() * principals.length)];
  const worst = 1 + Math.floor(random() * 500);
  const id = `${gatewayId}-${serial++}`;
  const result = await store.acquire({ id, principal, tokens: 10, costNanoUsd: worst });
  note(result.admitted ? 'admitted' : 'refused', org, id);
  if (!result.admitted) return sleep(random() * 5);
  await sleep(random() * 20);
  const way = random();
  if (way < 0.1) return undefined;
  if (way < 0.2) return settle(org, result.reservation, 0);
  const cost = Math.floor(random() * (worst + 1));
  const settled = [settle(org, result.reservation, cost)];
  if (way < 0.4) settled.push(settle(org, result.reservation, cost));
  return Promise.all(settled);
}

async function client(number) {
  const random = randomFrom(seed + number);
  // A call that fails is a call of a gateway in trouble: what it wrote down tells what to look for.
  while (Date.now() < endsAt) await request(random).catch((error) => note('failed', error.message));
}

async function sweeper() {
  while (Date.now() < endsAt) {
    await sleep(500);
    await store
      .sweep([0, 500, 1000, 1500, 2000, 2500].map((ago) => orgAt(Date.now() - startedAt - ago)))
      .catch(() => 0);
  }
}

await Promise.all([sweeper(), ...Array.from({ length: clients }, (_, number) => client(number))]);
await store.close();
redis.disconnect();
