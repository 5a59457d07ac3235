import { z } from 'zod';
import { perMillionToPico, usdToNano } from './money.js';
import { LONGEST_DRAIN_DELAY_MS, LONGEST_DRAIN_MS } from '../kernel/longest-drain.js';

/*
 * THE schema of the gateway file. docs/CONFIGURATION.md and config/gateway.schema.json are generated from it,
 * so every key carries its meaning. Names are fixed for users: add freely, rename never.
 */

// A timer of more than 2^31 - 1 ms would fire at once.
const MAX_TIMER_MS = 2_147_483_647;
const KIB = 1024;
const MIB = 1024 * KIB;

const flag = (value: boolean, meaning: string) => z.boolean().default(value).describe(meaning);
const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER) => z.int().min(min).max(max);
const count = (value: number, meaning: string, min = 1) => integer(min).default(value).describe(meaning);
const ms = (value: number, meaning: string, min = 1, max = MAX_TIMER_MS) =>
  integer(min, max).default(value).describe(`${meaning} (ms)`);
const ratio = (value: number, meaning: string) =>
  z.number().min(0).max(1).default(value).describe(`${meaning} (0 to 1)`);
/** null, the same as absent: no such bound. */
const optionalCount = (meaning: string, min = 1) => integer(min).nullable().default(null).describe(meaning);
const globs = (meaning: string) => z.array(z.string().min(1)).default(['*']).describe(meaning);
const choice = <const T extends readonly [string, ...string[]]>(values: T, value: T[number], meaning: string) =>
  z.enum(values).default(value).describe(meaning);

const usd = z.union([z.string(), z.number()]).refine((amount) => usdToNano(amount) !== undefined, {
  error: 'USD of at least 0 with at most 9 decimals, below 9007199',
});
const usdPerMillion = z.union([z.string(), z.number()]).refine((amount) => perMillionToPico(amount) !== undefined, {
  error: 'USD per million tokens of at least 0 with at most 6 decimals',
});

const identifier = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, { error: '1 to 64 characters of a-z, 0-9 and "-"' })
  .describe('Name of the key in answers, logs and counters');
// It becomes part of a Redis key and its hash tag: no braces, colons or spaces.
const accountName = z.string().regex(/^[A-Za-z0-9._@+-]{1,128}$/, { error: '1 to 128 letters, digits or ". _ @ + -"' });
const providerName = z.string().regex(/^[a-z0-9_-]{1,64}$/, { error: '1 to 64 characters of a-z, 0-9, "_" and "-"' });
const modelName = z.string().min(1).max(256);
const reference = z.string().min(1);
const weight = z.number().min(0).max(1_000_000);
const tier = integer(0, 1000);

const keyLimitsSchema = z
  .strictObject({
    requestsPerMinute: integer(1, 60_000_000).nullable().default(null).describe('Sustained requests per minute'),
    requestBurst: optionalCount('Requests that may come at once; absent: a sixth of requestsPerMinute, at least 1'),
    tokensPerMinute: integer(1, 150_000_000)
      .nullable()
      .default(null)
      .describe('Sustained tokens per minute, prompt and answer together'),
    concurrentRequests: optionalCount('Requests in flight at once'),
    maxTokensPerRequest: optionalCount('Largest output that one request may ask for, tokens'),
  })
  .prefault({})
  .describe('Rates and caps; an absent or null one does not limit');

const budgetSchema = z.strictObject({
  scope: z.enum(['key', 'user', 'team', 'org']).describe('Whose spending is added up'),
  window: z.enum(['1h', '1d', '30d', 'month']).describe('Over which time; month is the calendar month in UTC'),
  usd: usd.describe('Most that may be spent in the window, USD'),
});

const principalShape = {
  org: accountName.optional().describe("Who pays; absent: the key's id"),
  team: accountName.optional().describe('Team that budgets of scope team add up'),
  user: accountName.optional().describe('User that budgets of scope user add up'),
  priority: choice(['critical', 'default', 'sheddable'], 'default', 'Importance under load'),
  degradable: flag(false, 'Under load, rather a shorter answer than a slow one: resilience.shedding.degradedMaxTokens'),
  models: globs('Globs of the models that may be asked for'),
  providers: globs('Globs of the providers that may serve'),
  limits: keyLimitsSchema,
  budgets: z.array(budgetSchema).default([]).describe('Spending limits; all of them hold'),
  budgetOnRedisDown: choice(['deny', 'allow'], 'deny', 'What happens while budgets cannot be checked'),
};

const anonymousSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .optional()
      .describe('Serve callers without a known key; absent: only while the file has no keys'),
    ...principalShape,
  })
  .prefault({})
  .describe('What callers without a known key may do');

const digest = z.string().min(1);

const apiKeySchema = z.strictObject({
  id: identifier,
  secret: reference.optional().describe('The key itself, 16 or more characters: literal, ${env:X} or ${file:X}'),
  digest: digest
    .optional()
    .describe('hmac-sha256:<64 hex digits> of the key under GATEWAY_KEY_PEPPER, in place of the secret'),
  digests: z
    .array(digest)
    .min(1)
    .optional()
    .describe('Several digests, each valid: the old and the new one while a key is rotated'),
  expiresAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('When the key ends, as 2027-01-31T00:00:00Z; an alert comes 14 days before; absent: never'),
  role: choice(['client', 'admin'], 'client', 'admin may use the operations API'),
  ...principalShape,
});

const timeoutsSchema = z
  .strictObject({
    connectMs: ms(2000, 'Socket requested to connected, TLS included'),
    firstTokenMs: ms(30_000, 'Request sent to the first content'),
    idleMs: ms(30_000, 'Silence between two pieces of content'),
    totalMs: ms(600_000, 'Whole attempt'),
  })
  .prefault({})
  .describe('Bounds of the phases of an attempt');

const concurrencySchema = z
  .strictObject({
    limiter: choice(
      ['auto', 'fixed', 'gradient', 'aimd'],
      'auto',
      'How the limit of attempts in flight is found; auto: aimd where hosted, gradient where selfHosted',
    ),
    initial: integer(1).optional().describe('First limit, attempts in flight; absent: 256 hosted, 20 selfHosted'),
    min: count(4, 'Smallest limit, attempts in flight'),
    max: count(512, 'Largest limit, attempts in flight'),
  })
  .prefault({})
  .describe('Adaptive concurrency limit per target');

const probeSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .optional()
      .describe('Ask the upstream for its health in the background; absent: only where hosting is selfHosted'),
    path: z
      .string()
      .regex(/^\/[!-~]*$/, { error: 'a path that begins with "/", in ASCII and without spaces' })
      .nullable()
      .default(null)
      .describe("Path on the upstream's origin, any 2xx is healthy; absent: the kind's own"),
    intervalMs: ms(5000, 'Pause between probes', 100),
    timeoutMs: ms(2000, 'Bound of one probe'),
    warmUpAfterIdleMs: integer(1000, MAX_TIMER_MS)
      .nullable()
      .default(null)
      .describe('Send a one-token request after this long without traffic (ms); null: never'),
  })
  .prefault({})
  .describe('Active health probes');

const simulatedSchema = z
  .strictObject({
    firstTokenMs: ms(50, 'Time to the first token', 0),
    tokenMs: ms(10, 'Time between tokens', 0),
    tokens: integer(1, 1_000_000).default(32).describe('Length of an answer, tokens'),
    errorRate: ratio(0, 'Share of requests that fail with status 500'),
    seed: integer(0).default(1).describe('Texts and failures depend on the seed and the messages alone'),
  })
  .describe('Behaviour of kind simulated');

const providerSchema = z.strictObject({
  name: providerName.describe('Name in targets, pins, answers and metrics'),
  kind: z.string().min(1).describe('Wire format: openai, vllm, anthropic, simulated, …'),
  baseUrl: reference.optional().describe('Address that the paths of the wire format are appended to'),
  apiKey: reference.optional().describe('Credential: literal, ${env:X} or ${file:X}'),
  hosting: choice(['hosted', 'selfHosted'], 'hosted', 'Whose machines: decides which limiter auto means'),
  weight: weight.default(1).describe('Share of traffic among equals; 0: failover only'),
  tier: tier.default(0).describe('Lower tiers are used first'),
  enabled: flag(true, 'Take part in routing'),
  allowPrivate: flag(false, 'Allow http: and loopback or private addresses'),
  timeouts: timeoutsSchema,
  concurrency: concurrencySchema,
  onDisconnect: choice(
    ['cancel', 'drain', 'reserved'],
    'cancel',
    'When the caller leaves: cancel and estimate, read on for the usage, or bill the reservation',
  ),
  requestIdHeader: choice(['raw', 'uuid', 'none'], 'raw', 'How X-Request-ID is sent to the upstream'),
  streamUpstream: flag(false, 'Always ask for a stream and assemble plain answers from it'),
  tokenizer: z
    .enum(['o200k_base', 'cl100k_base'])
    .optional()
    .describe('Counts the tokens of requests without usage; absent: by their length. Takes 65 MB; not for anthropic'),
  usagePerChoice: flag(false, 'The upstream reports usage once per choice: add it up'),
  tokenCapField: z
    .enum(['max_tokens', 'max_completion_tokens', 'both'])
    .optional()
    .describe('Member that caps the output; absent: max_completion_tokens for openai, else max_tokens'),
  probe: probeSchema,
  simulated: simulatedSchema.optional(),
});

const ratesShape = {
  inputPerMillion: usdPerMillion.describe('USD per million prompt tokens'),
  cachedInputPerMillion: usdPerMillion
    .optional()
    .describe('USD per million prompt tokens read from a cache; absent: as inputPerMillion'),
  outputPerMillion: usdPerMillion.describe('USD per million answer tokens'),
};

const priceSchema = z
  .strictObject({
    ...ratesShape,
    tiers: z
      .array(
        z.strictObject({
          fromTokens: integer(1).describe('Prompt length from which these prices hold for the whole request'),
          ...ratesShape,
        }),
      )
      .default([])
      .describe('Prices of long prompts, ascending by fromTokens'),
  })
  .describe('What a request costs; 0 is a price, absent is unknown');

const outputLimitsShape = {
  maxCharacters: optionalCount('Longest answer, characters'),
  maxTokens: optionalCount('Longest answer, tokens'),
};

const targetSchema = z.strictObject({
  provider: z.string().min(1).describe('Name of the provider'),
  model: modelName.describe("The upstream's name of the model"),
  weight: weight.optional().describe("Over the provider's weight"),
  tier: tier.optional().describe("Over the provider's tier"),
  contextTokens: integer(1).optional().describe("Over the model's contextTokens"),
  maxOutputTokens: integer(1).optional().describe("Over the model's maxOutputTokens"),
  continuesPrefix: flag(false, 'Goes on from a text whose beginning it is given'),
  price: priceSchema.optional(),
});

const modelSchema = z.strictObject({
  name: modelName.describe('What clients ask for'),
  targets: z.array(targetSchema).min(1).describe('Who serves it'),
  contextTokens: integer(1).nullable().default(null).describe('Context window, tokens; absent: unknown'),
  maxOutputTokens: integer(1).nullable().default(null).describe('Longest output of the model, tokens'),
  reasoning: flag(false, 'Thinks before it answers: the first token may take longer'),
  price: priceSchema.optional(),
  output: z.strictObject(outputLimitsShape).prefault({}).describe('Bounds of the answer over guardrails.output'),
});

const breakerSchema = z
  .strictObject({
    enabled: flag(true, 'Take failing targets out'),
    windowMs: ms(30_000, 'Window over which attempts are counted', 1000),
    minSamples: count(20, 'Attempts in the window before a rate may open the breaker'),
    failureRate: ratio(0.5, 'Share of faults that opens it'),
    throttleRate: ratio(0.9, 'Share of faults and throttles together that opens it'),
    slowRate: ratio(0.8, 'Share of slow attempts that opens it'),
    slowMs: ms(10_000, 'First content later than this is slow'),
    consecutiveFaults: count(5, 'Faults in a row that open it, whatever the volume'),
    openMs: ms(3000, 'First pause; doubles with every reopening'),
    maxOpenMs: ms(8000, 'Longest pause'),
    probeSuccesses: count(3, 'Successful probes in a row that close it'),
    slowStartMs: ms(10_000, 'Time in which the weight rises again after closing', 0),
  })
  .prefault({})
  .describe('Circuit breaker of each target');

const queueSchema = z
  .strictObject({
    enabled: flag(true, 'Let requests wait for a free slot'),
    maxLength: count(256, 'Waiting requests per target'),
    maxWaitMs: ms(2000, 'Longest wait'),
    maxBytes: count(64 * MIB, 'Bodies of waiting requests together, bytes'),
    maxKeyShare: ratio(0.25, 'Largest share of the queue that one key holds while another waits'),
    quantumTokens: count(1000, 'Turn of one key, estimated tokens'),
  })
  .prefault({})
  .describe('Admission queue of each target');

const hedgingSchema = z
  .strictObject({
    enabled: flag(false, 'Start a second attempt when the first content is late'),
    minDelayMs: ms(500, 'Earliest start of the second attempt'),
    budgetRatio: ratio(0.05, 'Share of requests that may be hedged'),
    minSamples: count(50, 'First-token times needed before hedging'),
    allowHosted: flag(false, 'Hedge on targets that bill, too'),
  })
  .prefault({})
  .describe('Hedged attempts');

const sheddingSchema = z
  .strictObject({
    enabled: flag(true, 'Refuse early under overload'),
    sampleMs: ms(250, 'Pause between samples of the load', 10),
    memoryLimitBytes: optionalCount("Memory that counts as 100 %, bytes; null: the container's limit or the machine's"),
    degradedMaxTokens: count(512, 'Longest answer of degradable keys from level 2 on, tokens'),
  })
  .prefault({})
  .describe('Load levels and what they refuse');

const resilienceSchema = z
  .strictObject({
    maxAttempts: integer(1, 10).default(3).describe('Attempts per request, the first included'),
    maxRetryAfterWaitMs: ms(3000, 'Longest Retry-After that is waited for', 0),
    retryBudgetRatio: ratio(0.1, 'Retries earned per first attempt'),
    minAttemptMs: ms(250, 'No attempt starts with less time than this left', 0),
    midStream: choice(
      ['error', 'resume', 'hold'],
      'error',
      'When a stream breaks after content: end with an error, go on elsewhere, or send nothing before all is there',
    ),
    breaker: breakerSchema,
    queue: queueSchema,
    hedging: hedgingSchema,
    shedding: sheddingSchema,
    drain: z
      .strictObject({
        delayMs: ms(5000, 'Go on accepting after SIGTERM, until load balancers know', 0, LONGEST_DRAIN_DELAY_MS),
        timeoutMs: ms(120_000, 'Longest wait for requests in flight', 0, LONGEST_DRAIN_MS),
      })
      .prefault({})
      .describe('Shutdown'),
  })
  .prefault({})
  .describe('Retries, failover and protection from overload');

const ruleAction = z.enum(['block', 'redact', 'flag']);
const bannedText = z.string().regex(/\S/, { error: 'a text that is not blank' });

const bannedWordSchema = z
  .strictObject({
    text: bannedText.describe('The banned text'),
    word: flag(false, 'Only where no letter, digit or mark stands on either side'),
    action: ruleAction.default('block').describe('What happens on a match'),
    id: z.string().min(1).max(64).optional().describe('Name of the rule in metrics and logs; absent: its place'),
  })
  .describe('A banned word');

const wordList = (meaning: string) =>
  z
    .array(z.union([bannedText, bannedWordSchema]))
    .default([])
    .describe(meaning);

const piiSchema = z
  .strictObject({
    enabled: flag(false, 'Look for personal data'),
    kinds: z
      .array(z.enum(['email', 'card', 'iban']))
      .default(['email', 'card', 'iban'])
      .describe('What is looked for'),
    action: ruleAction.default('redact').describe('What happens on a match'),
  })
  .prefault({})
  .describe('Personal data');

const guardrailsSchema = z
  .strictObject({
    input: z
      .strictObject({
        bannedWords: wordList('Words banned in prompts'),
        maxBytes: count(10 * MIB, 'Longest body, bytes'),
        maxMessages: count(2048, 'Messages per request'),
        maxDepth: count(32, 'Nesting of the JSON body'),
        maxStringBytes: count(8 * MIB, 'Longest string of the body, bytes'),
        maxTools: count(128, 'Tools per request', 0),
        maxChoices: count(4, 'Largest n'),
        pii: piiSchema,
      })
      .prefault({})
      .describe('Checks of the request'),
    output: z
      .strictObject({ bannedWords: wordList('Words banned in answers'), ...outputLimitsShape, pii: piiSchema })
      .prefault({})
      .describe('Checks of the answer'),
    words: wordList('Words banned in both directions'),
    allow: z.array(bannedText).default([]).describe('Texts in which a banned word is innocent'),
  })
  .prefault({})
  .describe('Content rules');

const limitsSchema = z
  .strictObject({
    maxInFlight: count(1000, 'Requests in flight per process'),
    bodyBytes: count(10 * MIB, 'Largest request body, bytes'),
    maxConnections: count(8192, 'Open client connections per process'),
    maxConnectionsPerAddress: optionalCount('Open connections of one client address; null: no bound'),
    writeStallMs: ms(30_000, 'A client that takes nothing for this long is cut off'),
  })
  .prefault({})
  .describe('Bounds of the process');

const quotaSchema = z
  .strictObject({
    reservation: z
      .strictObject({
        mode: choice(['whole', 'sliced'], 'whole', 'Hold the worst case at once, or top up while a stream runs'),
        strict: flag(false, 'Count every byte of a prompt as a token: never too low'),
        defaultMaxTokens: count(4096, 'Output cap of requests that name none, tokens'),
      })
      .prefault({})
      .describe('What is held before a request starts'),
    leaseMs: ms(30_000, 'How long a hold outlives its gateway; read at the start only', 1000),
    onLeaseExpiry: choice(
      ['release', 'charge'],
      'release',
      'What becomes of the hold of a gateway that died; read at the start only',
    ),
  })
  .prefault({})
  .describe('Accounting');

const chaosSchema = z
  .strictObject({
    enabled: flag(false, 'Allow faults to be injected; needs GATEWAY_ALLOW_CHAOS=1, too'),
    experiments: z
      .array(z.record(z.string(), z.unknown()))
      .default([])
      .describe('Faults that are on from the start: docs/ADMIN_API.md'),
  })
  .prefault({})
  .describe('Fault injection');

const sloSchema = z
  .strictObject({
    availability: ratio(0.999, 'Share of good answers'),
    firstTokenMs: ms(2000, 'First content within'),
    firstTokenRatio: ratio(0.95, 'Share of answers that keep firstTokenMs'),
  })
  .prefault({})
  .describe('Service level objectives');

/** The whole gateway file. */
export const gatewayConfigSchema = z.strictObject({
  version: z.literal(1).describe('Version of the file format'),
  auth: z
    .strictObject({
      anonymous: anonymousSchema,
      keys: z.array(apiKeySchema).default([]).describe('API keys'),
    })
    .prefault({})
    .describe('Who may call'),
  providers: z.array(providerSchema).min(1).describe('Upstreams'),
  models: z.array(modelSchema).min(1).describe('What clients may ask for'),
  routing: z
    .strictObject({
      strategy: choice(['weighted', 'leastLatency', 'leastCost'], 'weighted', 'How targets of one tier are ordered'),
    })
    .prefault({})
    .describe('Order of targets'),
  resilience: resilienceSchema,
  guardrails: guardrailsSchema,
  limits: limitsSchema,
  quota: quotaSchema,
  chaos: chaosSchema,
  slo: sloSchema,
});

/** The file after defaults; references to secrets are not resolved yet. */
export type GatewayConfig = z.output<typeof gatewayConfigSchema>;
export type ProviderConfig = GatewayConfig['providers'][number];
export type ModelConfig = GatewayConfig['models'][number];
export type TargetConfig = ModelConfig['targets'][number];
export type PriceConfig = NonNullable<ModelConfig['price']>;
export type ApiKeyConfig = GatewayConfig['auth']['keys'][number];
export type AnonymousConfig = GatewayConfig['auth']['anonymous'];
export type BannedWordConfig = GatewayConfig['guardrails']['words'][number];
