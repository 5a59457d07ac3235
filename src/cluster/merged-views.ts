import { RecentRequestsDto } from '../admin/admin.dto.js';
import { type StatusReport } from '../admin/gateway-status.js';
import { type TrafficSecond } from '../admin/traffic-window.js';
import { type RunningExperiment } from '../chaos/chaos-control.js';
import { type FlightRecord } from '../observability/flight-record.js';
import { burnRate, type SloStatus, type SloWindow } from '../observability/slo-tracker.js';
import { mergeStatus, mergeTraffic } from './merged-status.js';

/** One answer of the answers of several workers, the oldest first; at least one. */
type Merge = (bodies: readonly unknown[], query: URLSearchParams) => object;

/** What {@link Merge} is there for each route; the other reads are the same in all workers, or of one alone. */
const MERGES: ReadonlyMap<string, Merge> = new Map<string, Merge>([
  ['/admin/status', (bodies) => mergeStatus(bodies as [StatusReport, ...StatusReport[]])],
  ['/admin/traffic', (bodies) => ({ seconds: mergeTraffic((bodies as Traffic[]).map(({ seconds }) => seconds)) })],
  ['/admin/slo', (bodies) => ({ objectives: mergeObjectives((bodies as Slo[]).map(({ objectives }) => objectives)) })],
  ['/admin/requests', (bodies, query) => ({ requests: mergeRequests(bodies as Recent[], query) })],
  ['/admin/chaos', (bodies) => mergeChaos(bodies as [Chaos, ...Chaos[]])],
]);

export function mergeOf(pathname: string): Merge | undefined {
  return MERGES.get(pathname);
}

interface Traffic {
  readonly seconds: readonly TrafficSecond[];
}

interface Slo {
  readonly objectives: readonly SloStatus[];
}

interface Recent {
  readonly requests: readonly FlightRecord[];
}

interface Chaos {
  readonly enabled: boolean;
  readonly experiments: readonly RunningExperiment[];
}

/** Events are summed, and rates made of the sums. */
function mergeObjectives(all: readonly (readonly SloStatus[])[]): readonly SloStatus[] {
  const [first = []] = all;
  return first.map(({ slo, objective }) => {
    const same = all.flatMap((objectives) => objectives.filter((status) => status.slo === slo));
    const over = (window: SloWindow): SloStatus['windows'][SloWindow] => {
      const good = same.reduce((sum, { windows }) => sum + windows[window].good, 0);
      const bad = same.reduce((sum, { windows }) => sum + windows[window].bad, 0);
      return { good, bad, burnRate: burnRate(good, bad, objective) };
    };
    const windows = { '5m': over('5m'), '1h': over('1h'), '6h': over('6h'), '3d': over('3d') };
    return { slo, objective, windows, errorBudgetRemaining: 1 - windows['3d'].burnRate };
  });
}

/** Newest first, and as many as were asked for. */
function mergeRequests(all: readonly Recent[], query: URLSearchParams): readonly FlightRecord[] {
  const limit = Number(query.get('limit') ?? new RecentRequestsDto().limit);
  const newest = all.flatMap(({ requests }) => requests).sort((left, right) => right.endedAt - left.endedAt);
  return newest.slice(0, limit);
}

/** Hits are summed. Every worker takes the tokens of every other. */
function mergeChaos([oldest, ...others]: readonly [Chaos, ...Chaos[]]): Chaos {
  const everywhere = [oldest, ...others].flatMap(({ experiments }) => experiments);
  const experiments = oldest.experiments.map((experiment) => {
    const same = everywhere.filter(({ id }) => id === experiment.id);
    const hits = experiment.hits === null ? null : same.reduce((sum, one) => sum + (one.hits ?? 0), 0);
    return { ...experiment, hits };
  });
  return { ...oldest, experiments };
}
