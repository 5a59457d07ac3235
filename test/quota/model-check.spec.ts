import { describe, expect, it } from 'vitest';
import { hasRedisServer } from '../support/redis-server.js';
import { checkModel } from './model-check.js';

// `npm run quota:check` runs the long form; two minutes of two gateways give more than 50,000 observations.
const durationMs = Number(process.env.QUOTA_CHECK_MS ?? 6000);
const seed = Number(process.env.QUOTA_CHECK_SEED ?? 1);
const OVERDUE_US = 5_000_000;

describe.skipIf(!hasRedisServer)(
  'quota store under random use by several processes (skipped without redis-server)',
  () => {
    it(
      'holds its invariants at every observation, through killed gateways',
      async () => {
        const options = { gateways: 2, clients: 25, leaseMs: 1500, killEveryMs: 2000 };
        const result = await checkModel({ ...options, durationMs, seed });
        process.stdout.write(`${JSON.stringify(result)}\n`);
        expect(result).toMatchObject({ wrongReserved: 0, wrongSums: 0, wrongSpent: [], settledTwice: [], leftOver: 0 });
        expect(result.worstExcessNanoUsd).toBeLessThanOrEqual(result.lateNanoUsd);
        expect(result.worstOverdueUs).toBeLessThan(OVERDUE_US);
        // A check that nothing happened in shows nothing.
        expect(result.kills).toBeGreaterThan(0);
        expect(Math.min(result.observations, result.refused, result.settled)).toBeGreaterThan(100);
      },
      durationMs + 60_000,
    );
  },
);
