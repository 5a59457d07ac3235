import { describe, expect, it } from 'vitest';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { largestDifference, violationsOf } from './audit-violations.js';
import { type AuditedWindow, type AuditReport } from './quota-store.js';

const high = aPrincipal({ keyId: 'high', org: 'a c/me', team: 'red', budgets: [aBudget(1000, 'team', '1h')] });
const low = aPrincipal({ keyId: 'low', org: 'a c/me', team: 'red', budgets: [aBudget(500, 'team', '1h')] });

function reportOf(window: Partial<AuditedWindow>): AuditReport {
  const sums = { spentNanoUsd: 0, reservedNanoUsd: 0, recomputedNanoUsd: 0, chargedNanoUsd: 0, uncheckedNanoUsd: 0 };
  return {
    windows: [{ org: 'a c/me', account: 'team.red:1h', index: 2, ...sums, ...window }],
    reservations: 0,
    overdueUs: 0,
  };
}
const spent = (nanoUsd: number): Partial<AuditedWindow> => ({ spentNanoUsd: nanoUsd, chargedNanoUsd: nanoUsd });
const held = (nanoUsd: number): Partial<AuditedWindow> => ({ reservedNanoUsd: nanoUsd, recomputedNanoUsd: nanoUsd });

describe('what an audit finds wrong', () => {
  it('is nothing where sums agree and the highest limit of the account is kept', () => {
    expect(violationsOf(reportOf({ ...spent(600), ...held(400) }), [high, low])).toEqual([]);
  });

  it('is each nano-dollar over the limit that had been checked', () => {
    expect(violationsOf(reportOf({ ...spent(600), ...held(401) }), [high, low])).toEqual([
      { name: 'over_limit', org: 'a c/me', account: 'team.red:1h', endsAtUs: 3 * 3_600_000_000, byNanoUsd: 1 },
    ]);
    expect(violationsOf(reportOf({ ...spent(600), ...held(401), uncheckedNanoUsd: 1 }), [high, low])).toEqual([]);
  });

  it('is a sum that is not that of its parts, in either direction', () => {
    const report = reportOf({ spentNanoUsd: 5, chargedNanoUsd: 7, reservedNanoUsd: 9, recomputedNanoUsd: 4 });
    expect(violationsOf(report, [high]).map(({ name, byNanoUsd }) => [name, byNanoUsd])).toEqual([
      ['spent_differs', -2],
      ['reserved_differs', 5],
    ]);
    expect(largestDifference(report)).toBe(5);
  });

  it('holds no budget to a limit that no key has any more', () => {
    expect(violationsOf(reportOf(spent(5000)), [])).toEqual([]);
  });
});
