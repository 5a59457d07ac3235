import { Inject, Injectable } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { quotaAudited } from '../kernel/channels.js';
import { formatNanoUsd } from '../kernel/money-format.js';
import { type Principal } from '../kernel/snapshot.js';
import { largestDifference, violationsOf } from '../quota/audit-violations.js';
import { type AuditReport, type QuotaStore } from '../quota/quota-store.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';

const ORGS_AT_ONCE = 32;

/** Recomputes what the store says of every configured org's money. */
@Injectable()
export class QuotaAudit {
  constructor(
    private readonly config: ConfigStore,
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
  ) {}

  /** @throws GatewayError quota_backend_unavailable */
  async run(): Promise<object> {
    const { keys, anonymous } = this.config.current;
    const principals = [...keys.map(({ principal }) => principal), ...(anonymous ? [anonymous] : [])];
    const report = await this.#report(principals);
    const violations = violationsOf(report, principals);
    const differenceNanoUsd = largestDifference(report);
    quotaAudited.publish({ differenceNanoUsd });
    return {
      consistent: violations.length === 0,
      windows: report.windows.length,
      reservations: report.reservations,
      overdueMs: Math.ceil(report.overdueUs / 1000),
      largestDifferenceUsd: formatNanoUsd(differenceNanoUsd),
      violations: violations.map(({ name, org, account, endsAtUs, byNanoUsd }) => ({
        violation: name,
        org,
        account,
        windowEndsAt: new Date(endsAtUs / 1000).toISOString(),
        byUsd: formatNanoUsd(byNanoUsd),
      })),
    };
  }

  async #report(principals: readonly Principal[]): Promise<AuditReport> {
    const orgs = [...new Set(principals.map(({ org }) => org))];
    const reports: AuditReport[] = [];
    for (let at = 0; at < orgs.length; at += ORGS_AT_ONCE) {
      reports.push(await this.store.audit(orgs.slice(at, at + ORGS_AT_ONCE)));
    }
    return {
      windows: reports.flatMap(({ windows }) => windows),
      reservations: reports.reduce((sum, { reservations }) => sum + reservations, 0),
      overdueUs: Math.max(0, ...reports.map(({ overdueUs }) => overdueUs)),
    };
  }
}
