import { describe, expect, it } from 'vitest';
import { type StatusReport, type TargetStatus } from '../admin/gateway-status.js';
import { type TrafficSecond } from '../admin/traffic-window.js';
import { mergeOf } from './merged-views.js';

const NO_QUERY = new URLSearchParams();

function merged(pathname: string, bodies: readonly unknown[], query = NO_QUERY): unknown {
  return mergeOf(pathname)!(bodies, query);
}

const second = (at: number, more: Partial<TrafficSecond> = {}): TrafficSecond => ({
  at,
  requests: 1,
  failed: 0,
  refused: 0,
  ttftP50: null,
  ttftP95: null,
  addedP50: null,
  addedP99: null,
  ...more,
});

const target = (id: string, more: Partial<TargetStatus> = {}): TargetStatus => ({
  id,
  provider: 'p',
  model: 'm',
  enabled: true,
  drained: false,
  weight: 1,
  weightFactor: 1,
  tier: 1,
  breaker: { state: 'closed', remainingOpenMs: 0 },
  coolDownMs: 0,
  limiter: { limit: 10, inFlight: 1 },
  queued: 1,
  ttftMs: { p50: null, p95: null },
  recentShare: 0,
  ...more,
});

const status = (more: Partial<StatusReport> = {}): StatusReport => ({
  config: { version: 'v', loadedAt: 1 },
  draining: false,
  inFlight: 2,
  load: { level: 0, causes: [] },
  traffic: null,
  overrides: [],
  targets: [target('a')],
  ...more,
});

describe('the status of several workers', () => {
  it('sums what is counted, and shows the worst of what may be bad in one', () => {
    const one = status({
      load: { level: 2, causes: ['memory'] },
      traffic: second(1_000, { requests: 3, failed: 1, ttftP95: 5 }),
      targets: [target('a', { ttftMs: { p50: 7, p95: 9 } })],
    });
    const other = status({
      draining: true,
      load: { level: 1, causes: ['memory', 'loop'] },
      traffic: second(2_000, { requests: 4, refused: 2, ttftP95: 3 }),
      targets: [
        target('a', { breaker: { state: 'open', remainingOpenMs: 30 }, coolDownMs: 8, ttftMs: { p50: null, p95: 12 } }),
      ],
    });
    expect(merged('/admin/status', [one, other])).toEqual({
      ...one,
      inFlight: 4,
      load: { level: 2, causes: ['memory', 'loop'] },
      traffic: second(2_000, { requests: 7, failed: 1, refused: 2, ttftP95: 5 }),
      targets: [
        target('a', {
          breaker: { state: 'open', remainingOpenMs: 30 },
          coolDownMs: 8,
          limiter: { limit: 20, inFlight: 2 },
          queued: 2,
          ttftMs: { p50: 7, p95: 12 },
        }),
      ],
    });
  });

  it.each([
    [['closed', 'halfOpen'], 'halfOpen'],
    [['open', 'halfOpen'], 'open'],
    [['closed', 'closed'], 'closed'],
  ] as const)('of breakers %j it is the worse', (states, worst) => {
    const reports = states.map((state) =>
      status({ targets: [target('a', { breaker: { state, remainingOpenMs: 0 } })] }),
    );
    expect(merged('/admin/status', reports)).toMatchObject({ targets: [{ breaker: { state: worst } }] });
  });

  it('is draining when all are, and keeps targets that one alone has', () => {
    const reports = [
      status({ draining: true, targets: [target('a')] }),
      status({ draining: true, targets: [target('b')] }),
    ];
    expect(merged('/admin/status', reports)).toMatchObject({ draining: true, targets: [{ id: 'a' }, { id: 'b' }] });
  });

  it('shares attempts out over the workers that sent any', () => {
    const shares = (a: number, b: number): StatusReport =>
      status({ targets: [target('a', { recentShare: a }), target('b', { recentShare: b })] });
    expect(merged('/admin/status', [shares(1, 0), shares(0.5, 0.5), shares(0, 0)])).toMatchObject({
      targets: [{ recentShare: 0.75 }, { recentShare: 0.25 }],
    });
  });
});

describe('other views over several workers', () => {
  it('sum traffic by second, oldest first', () => {
    const bodies = [{ seconds: [second(2_000)] }, { seconds: [second(1_000), second(2_000, { requests: 5 })] }];
    expect(merged('/admin/traffic', bodies)).toEqual({ seconds: [second(1_000), second(2_000, { requests: 6 })] });
  });

  it('make burn rates of summed events, not of rates', () => {
    const body = (good: number, bad: number): unknown => {
      const window = { good, bad, burnRate: 99 };
      const windows = { '5m': window, '1h': window, '6h': window, '3d': window };
      return { objectives: [{ slo: 'stream', objective: 0.75, windows, errorBudgetRemaining: 99 }] };
    };
    const window = { good: 120, bad: 80, burnRate: 1.6 };
    expect(merged('/admin/slo', [body(100, 0), body(20, 80)])).toMatchObject({
      objectives: [{ windows: { '5m': window, '3d': window }, errorBudgetRemaining: expect.closeTo(-0.6) as number }],
    });
  });

  it('list requests newest first, and as many as were asked for', () => {
    const bodies = [{ requests: [{ endedAt: 4 }, { endedAt: 1 }] }, { requests: [{ endedAt: 3 }, { endedAt: 2 }] }];
    const query = new URLSearchParams('limit=3');
    expect(merged('/admin/requests', bodies, query)).toEqual({
      requests: [{ endedAt: 4 }, { endedAt: 3 }, { endedAt: 2 }],
    });
    const many = { requests: Array.from({ length: 100 }, () => ({ endedAt: 1 })) };
    expect((merged('/admin/requests', [many, many]) as { requests: unknown[] }).requests).toHaveLength(100);
  });

  it('sum the hits of experiments, except of those that nobody counts', () => {
    const body = (hits: number): unknown => ({
      enabled: true,
      experiments: [
        { id: 'x', hits },
        { id: 'y', hits: null },
      ],
    });
    expect(merged('/admin/chaos', [body(2), body(3)])).toEqual({
      enabled: true,
      experiments: [
        { id: 'x', hits: 5 },
        { id: 'y', hits: null },
      ],
    });
  });
});
