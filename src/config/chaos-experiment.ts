import { z } from 'zod';
import { schemaProblems } from './schema-problems.js';

const MAX_TTL_MS = 15 * 60_000;
const count = z.int().min(0);
const milliseconds = z.number().min(0).max(600_000);

const providerFaults = [
  /** Waits before the upstream is called: `ms`, or a normal distribution around it with this deviation. */
  z.strictObject({ type: z.literal('latency'), ms: milliseconds, deviationMs: milliseconds.default(0) }),
  z.strictObject({
    type: z.literal('error'),
    status: z.int().min(400).max(599),
    body: z.string().max(65_536).default('{"error":{"message":"injected fault","type":"server_error","code":null}}'),
    retryAfter: z.string().max(64).optional(),
  }),
  z.strictObject({ type: z.literal('connect_refused') }),
  /** Resets the connection: before the answer, or after this many bytes or events of it. */
  z.strictObject({ type: z.literal('abort'), afterBytes: count.optional(), afterEvents: count.optional() }),
  z.strictObject({ type: z.literal('stall'), afterEvents: count }),
  z.strictObject({ type: z.literal('slow_drip'), bytesPerSecond: z.int().min(1).max(1_000_000) }),
  z.strictObject({ type: z.literal('malformed_json') }),
  /** The answer ends early: a stream without `[DONE]`, a body without its last byte. */
  z.strictObject({ type: z.literal('truncate') }),
  z.strictObject({ type: z.literal('bad_usage') }),
  z.strictObject({ type: z.literal('huge_event'), bytes: z.int().min(1).max(67_108_864).default(2_097_152) }),
  z.strictObject({ type: z.literal('duplicate_chunk') }),
  z.strictObject({ type: z.literal('invalid_utf8_split') }),
] as const;

const storeFaults = [
  z.strictObject({ type: z.literal('redis_latency'), ms: milliseconds }),
  z.strictObject({ type: z.literal('redis_error') }),
  z.strictObject({ type: z.literal('redis_timeout') }),
] as const;

const processFaults = [
  z.strictObject({ type: z.literal('event_loop_block'), ms: z.int().min(1).max(5_000), everyMs: z.int().min(100) }),
  z.strictObject({ type: z.literal('memory'), bytes: z.int().min(1).max(1_073_741_824) }),
] as const;

const FAULTS = [...providerFaults, ...storeFaults, ...processFaults] as const;
const faultError = `one of ${FAULTS.map(({ shape }) => shape.type.value).join(', ')}`;

/** A chaos experiment as an operator or the gateway file states it. */
export const experimentSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9-]{1,64}$/, { error: '1 to 64 characters of a-z, 0-9 and "-"' }),
    fault: z.discriminatedUnion('type', FAULTS, { error: faultError }),
    /** All that are named must match; `token` = only requests with a valid `X-Chaos` token for this experiment. */
    scope: z
      .strictObject({
        provider: z.string().optional(),
        model: z.string().optional(),
        keyId: z.string().optional(),
        token: z.boolean().default(false),
      })
      .default({ token: false }),
    /** Share of the matching attempts, 0 to 100. */
    percentage: z.number().min(0).max(100).default(100),
    /** Same seed and same order of attempts = same victims. */
    seed: z.int().min(0).max(4_294_967_295).default(1),
    ttlMs: z.int().min(1).max(MAX_TTL_MS),
  })
  .refine(({ fault, scope }) => isProviderFault(fault) || Object.values(scope).every((value) => !value), {
    error: 'no scope: faults of the store and of the process hit every request',
    path: ['scope'],
  });

export type ProviderFault = z.infer<(typeof providerFaults)[number]>;
export type StoreFault = z.infer<(typeof storeFaults)[number]>;
export type ProcessFault = z.infer<(typeof processFaults)[number]>;
export type Fault = ProviderFault | StoreFault | ProcessFault;

/** One fault, whom it hits, and until when. */
export type Experiment = z.infer<typeof experimentSchema>;

/** The experiment, or what is wrong with it: one line per member. */
export function parseExperiment(input: unknown): Experiment | { readonly problems: readonly string[] } {
  const parsed = experimentSchema.safeParse(input);
  return parsed.success ? parsed.data : { problems: schemaProblems(experimentSchema, input, parsed.error.issues) };
}

export function isStoreFault(fault: Fault): fault is StoreFault {
  return fault.type.startsWith('redis_');
}

export function isProcessFault(fault: Fault): fault is ProcessFault {
  return fault.type === 'event_loop_block' || fault.type === 'memory';
}

export function isProviderFault(fault: Fault): fault is ProviderFault {
  return !isStoreFault(fault) && !isProcessFault(fault);
}
