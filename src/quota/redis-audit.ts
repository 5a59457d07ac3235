import { type AuditedWindow, type AuditReport } from './quota-store.js';

const AUDIT_FIELDS = 7;

/** One report of the replies of the audit script, one per org. */
export function mergeAudits(parts: readonly { org: string; reply: readonly (string | number)[] }[]): AuditReport {
  const windows: AuditedWindow[] = [];
  let reservations = 0;
  let overdueUs = 0;
  for (const { org, reply } of parts) {
    reservations += Number(reply[0]);
    overdueUs = Math.max(overdueUs, Number(reply[1]));
    for (let at = 2; at < reply.length; at += AUDIT_FIELDS) {
      const [account, index, spent, reserved, recomputed, charged, unchecked] = reply.slice(at, at + AUDIT_FIELDS);
      windows.push({
        org,
        account: String(account),
        index: Number(index),
        spentNanoUsd: Number(spent),
        reservedNanoUsd: Number(reserved),
        recomputedNanoUsd: Number(recomputed),
        chargedNanoUsd: Number(charged),
        uncheckedNanoUsd: Number(unchecked),
      });
    }
  }
  return { windows, reservations, overdueUs };
}
