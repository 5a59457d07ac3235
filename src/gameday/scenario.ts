import { z } from 'zod';
import { experimentSchema } from '../config/chaos-experiment.js';
import { ConfigError } from '../config/config-error.js';
import { schemaProblems } from '../config/schema-problems.js';
import { parseYaml } from '../config/yaml-document.js';

/** Longest game day: one that takes longer is not played often. */
export const MAX_DURATION_MS = 120_000;
const at = z.int().min(0).max(MAX_DURATION_MS);
const name = z.string().regex(/^[a-z0-9-]{1,40}$/, { error: '1 to 40 characters of a-z, 0-9 and "-"' });
const faults = z.array(z.string());
const settings = z.strictObject({
  firstTokenMs: z.int().min(0).optional(),
  tokenMs: z.int().min(0).optional(),
  tokens: z.int().min(1).optional(),
  errorRate: z.number().min(0).max(1).optional(),
});

const upstream = z.strictObject({
  name,
  tier: z.int().min(0).default(0),
  settings: settings.prefault({}),
  /** More members of the provider in the gateway file: `timeouts`, `concurrency`, `weight`. */
  provider: z.record(z.string(), z.unknown()).default({}),
});

const load = z.strictObject({
  fromMs: at.default(0),
  toMs: at.optional(),
  /** Open loop: requests start at this rate whatever becomes of the earlier ones. */
  perSecond: z.number().positive().max(2_000),
  /** Share of streams, 0 to 1. */
  streams: z.number().min(0).max(1).default(0.5),
});

const ACTIONS = [
  /** SIGKILL. */
  z.strictObject({ atMs: at, do: z.literal('kill'), upstream: name }),
  z.strictObject({ atMs: at, do: z.literal('start'), upstream: name }),
  /** Other settings or faults of a simulated upstream, in the words of its `/control`. */
  z.strictObject({
    atMs: at,
    do: z.literal('behave'),
    upstream: name,
    settings: settings.prefault({}),
    faults: faults.default([]),
  }),
  z.strictObject({ atMs: at, do: z.literal('redis'), to: z.enum(['kill', 'start', 'freeze', 'thaw']) }),
  z.strictObject({ atMs: at, do: z.literal('chaos'), experiment: experimentSchema }),
  z.strictObject({ atMs: at, do: z.literal('endChaos') }),
] as const;

const percentile = z.number().min(0).max(100);
const window = { fromMs: at.default(0), toMs: at.default(MAX_DURATION_MS) };
const OBJECTIVES = [
  /** Requests of the window that ended with a 5xx other than a shed, broke off, or got no answer. */
  z.strictObject({ check: z.literal('errors'), max: z.int().min(0), streams: z.boolean().optional(), ...window }),
  z.strictObject({ check: z.literal('availability'), min: z.number().min(0).max(1), ...window }),
  /** Answers that ended neither whole nor with an error the caller could see. */
  z.strictObject({ check: z.literal('silentlyCut'), max: z.int().min(0) }),
  z.strictObject({ check: z.literal('firstToken'), percentile, maxMs: z.number().positive(), ...window }),
  z.strictObject({ check: z.literal('refusals'), percentile, maxMs: z.number().positive() }),
  /** Whole answers per second. */
  z.strictObject({ check: z.literal('goodput'), minPerSecond: z.number().positive(), ...window }),
  z.strictObject({ check: z.literal('breakerOpened'), upstream: name, withinMs: at, afterMs: at }),
  z.strictObject({ check: z.literal('breakerClosedAtEnd'), upstream: name }),
  /** The first answer of an upstream after a time. */
  z.strictObject({ check: z.literal('usedAgain'), upstream: name, afterMs: at, withinMs: at }),
  /** Attempts at upstreams per request. */
  z.strictObject({ check: z.literal('attempts'), maxPerRequest: z.number().min(1) }),
  /** Attempts at an upstream that failed through its fault. */
  z.strictObject({ check: z.literal('failedAttempts'), upstream: name, max: z.int().min(0) }),
  /** Charged beyond what was reserved, USD. */
  z.strictObject({ check: z.literal('overrun'), maxUsd: z.number().min(0) }),
] as const;

const scenarioSchema = z.strictObject({
  title: z.string().min(1).max(120),
  summary: z.string().min(1).max(600),
  durationMs: z.int().min(1_000).max(MAX_DURATION_MS),
  upstreams: z.array(upstream).min(1).max(5),
  redis: z.boolean().default(false),
  /** Members of the gateway file over those of a game day. */
  gateway: z
    .strictObject({ resilience: z.record(z.string(), z.unknown()).default({}) })
    .prefault({})
    .describe('Overrides'),
  load: z.array(load).min(1),
  script: z.array(z.discriminatedUnion('do', ACTIONS, { error: words('do', ACTIONS) })).default([]),
  objectives: z.array(z.discriminatedUnion('check', OBJECTIVES, { error: words('check', OBJECTIVES) })).min(1),
});

/** A game day: who takes part, what is asked, what goes wrong when, and what must hold. Times are ms since its start. */
export type Scenario = z.infer<typeof scenarioSchema>;
export type Action = Scenario['script'][number];
export type Objective = Scenario['objectives'][number];
export type ScenarioUpstream = Scenario['upstreams'][number];

/** @throws ConfigError with one line per problem */
export function parseScenario(text: string): Scenario {
  const value = parseYaml(text);
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success) throw new ConfigError(schemaProblems(scenarioSchema, value, parsed.error.issues));
  const problems = contradictions(parsed.data);
  if (problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}

function contradictions({ upstreams, redis, durationMs, script, objectives }: Scenario): string[] {
  const known = new Set(upstreams.map((one) => one.name));
  const problems: string[] = [];
  const check = (list: string, entries: readonly object[]): void => {
    entries.forEach((entry, index) => {
      if ('upstream' in entry && !known.has(String(entry.upstream))) {
        problems.push(`${list}[${index}].upstream: found "${String(entry.upstream)}", which is none of the upstreams`);
      }
    });
  };
  check('script', script);
  check('objectives', objectives);
  script.forEach((action, index) => {
    if (action.atMs > durationMs) problems.push(`script[${index}].atMs: found ${action.atMs}, after the end`);
    if (action.do === 'redis' && !redis) problems.push(`script[${index}]: the scenario has no Redis (redis: true)`);
  });
  return problems;
}

function words(member: string, options: readonly { readonly shape: object }[]): string {
  const known = options.map(({ shape }) => (shape as Record<string, { value?: string }>)[member]?.value ?? '');
  return `one of ${known.join(', ')}`;
}
