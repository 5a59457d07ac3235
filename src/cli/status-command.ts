import { loadEnvironment } from '../config/env.js';

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
}

interface Status {
  readonly config: { readonly version: string };
  readonly draining: boolean;
  readonly inFlight: number;
  readonly targets: readonly Target[];
}

/** @returns the exit code: 0, or 1 where the gateway gave no status */
export async function runStatusCommand([url]: readonly string[]): Promise<number> {
  const environment = loadEnvironment();
  const key = environment.lookup('GATEWAY_ADMIN_KEY');
  if (key === undefined) return fail(`GATEWAY_ADMIN_KEY is not set.\n\n${STATUS_HELP}`);
  const base = url ?? `http://127.0.0.1:${environment.OPS_PORT}`;
  let response: Response;
  try {
    response = await fetch(new URL('/admin/status', base), { headers: { authorization: `Bearer ${key}` } });
  } catch {
    return fail(`No gateway answers at ${base}.\n`);
  }
  if (!response.ok) return fail(`The gateway answered ${response.status}: is it the key of an admin?\n`);
  process.stdout.write(table((await response.json()) as Status));
  return 0;
}

function table({ config, draining, inFlight, targets }: Status): string {
  const head = ['target', 'breaker', 'weight', 'in flight', 'limit', 'ttft p95'];
  const rows = targets.map(({ id, drained, weight, weightFactor, breaker, limiter, ttftMs }) => [
    id,
    drained ? 'drained' : breaker.state,
    String(Math.round(weight * weightFactor * 100) / 100),
    String(limiter.inFlight),
    String(limiter.limit),
    ttftMs.p95 === null ? '-' : `${Math.round(ttftMs.p95)} ms`,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const state = draining ? 'draining' : 'serving';
  return `${state}, ${inFlight} in flight, configuration ${config.version.slice(0, 12)}\n\n${lines.join('\n')}\n`;
}

function fail(message: string): number {
  process.stderr.write(message);
  return 1;
}
