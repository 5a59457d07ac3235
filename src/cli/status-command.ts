import { askOperations } from './operations-client.js';
import { textTable } from './text-table.js';

export const STATUS_HELP = `sre-gateway status [URL]

Shows the targets of a running gateway. URL is its operations listener, by default that of OPS_PORT on this machine.
An admin key must be in GATEWAY_ADMIN_KEY:

  GATEWAY_ADMIN_KEY=... sre-gateway status http://localhost:9090
`;

interface Target {
  readonly id: string;
  readonly drained: boolean;
  readonly weight: number;
  readonly weightFactor: number;
  readonly breaker: { readonly state: string };
  readonly limiter: { readonly limit: number; readonly inFlight: number };
  readonly ttftMs: { readonly p95: number | null };
  readonly recentShare: number;
}

interface Status {
  readonly config: { readonly version: string };
  readonly draining: boolean;
  readonly inFlight: number;
  readonly load: { readonly level: number };
  readonly targets: readonly Target[];
}

/** @throws CommandError where the gateway gave no status */
export async function runStatusCommand([url]: readonly string[]): Promise<number> {
  const { config, draining, inFlight, load, targets } = await askOperations<Status>('/admin/status', url);
  const state = `${draining ? 'draining' : 'serving'}, ${inFlight} in flight, load level ${load.level} of 4`;
  process.stdout.write(`${state}, configuration ${config.version.slice(0, 12)}\n\n${textTable(rowsOf(targets))}`);
  return 0;
}

function rowsOf(targets: readonly Target[]): string[][] {
  const rows = targets.map(({ id, drained, weight, weightFactor, breaker, limiter, ttftMs, recentShare }) => [
    id,
    drained ? 'drained' : breaker.state,
    String(Math.round(weight * weightFactor * 100) / 100),
    `${Math.round(recentShare * 100)} %`,
    `${limiter.inFlight} / ${limiter.limit}`,
    ttftMs.p95 === null ? '-' : `${Math.round(ttftMs.p95)} ms`,
  ]);
  return [['target', 'breaker', 'weight', 'share', 'in flight', 'ttft p95'], ...rows];
}
