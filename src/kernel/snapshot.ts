import { type Secret } from './secret.js';

/**
 * The frozen configuration that a request works on from its first step to its last.
 * Durations are in ms, money in nano-USD or pico-USD per token, sizes in bytes.
 */
export interface Snapshot {
  /** SHA-256 of the resolved file: equal on every gateway that runs the same configuration. */
  readonly version: string;
  /** Wall clock of the load, ms since the epoch. */
  readonly loadedAt: number;
  /** Who a caller without a known key is; undefined where anonymous access is off. */
  readonly anonymous: Principal | undefined;
  readonly keys: readonly ApiKey[];
  readonly providers: ReadonlyMap<string, Provider>;
  readonly models: ReadonlyMap<string, Model>;
  readonly routing: { readonly strategy: RoutingStrategy };
  readonly resilience: ResilienceSettings;
  readonly guardrails: GuardrailSettings;
  readonly limits: LimitSettings;
  readonly quota: QuotaSettings;
  readonly chaos: ChaosSettings;
  readonly slo: SloSettings;
}

export type RoutingStrategy = 'weighted' | 'leastLatency' | 'leastCost';

/** The order of importance under load, highest first. */
export type Priority = 'critical' | 'default' | 'sheddable';
export type Role = 'client' | 'admin';
export type BudgetScope = 'key' | 'user' | 'team' | 'org';
export type BudgetWindow = '1h' | '1d' | '30d' | 'month';

/** The authenticated caller and what it may do. */
export interface Principal {
  readonly keyId: string;
  /** Who pays: also the hash tag of all its quota keys. */
  readonly org: string;
  readonly team: string | undefined;
  readonly user: string | undefined;
  readonly role: Role;
  readonly priority: Priority;
  /** Its answers may be shortened under load. */
  readonly degradable: boolean;
  /** Globs over model aliases (`gpt-*`). */
  readonly models: readonly string[];
  /** Globs over provider names. */
  readonly providers: readonly string[];
  readonly limits: KeyLimits;
  readonly budgets: readonly Budget[];
  readonly budgetOnRedisDown: 'deny' | 'allow';
}

/** undefined = no such limit. */
export interface KeyLimits {
  readonly requestsPerMinute: number | undefined;
  readonly requestBurst: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly concurrentRequests: number | undefined;
  readonly maxTokensPerRequest: number | undefined;
}

export interface Budget {
  readonly scope: BudgetScope;
  readonly window: BudgetWindow;
  readonly limitNanoUsd: number;
}

/** A credential of the file: a secret, or the digests of one (two while it is rotated). */
export interface ApiKey {
  readonly principal: Principal;
  readonly secret: Secret | undefined;
  /** Hex HMAC-SHA-256 digests. */
  readonly digests: readonly string[];
  /** Wall clock ms from which on the key is nobody's; undefined where it lasts. */
  readonly expiresAt: number | undefined;
}

/** A published table of tokens. */
export type Encoding = 'o200k_base' | 'cl100k_base';

export type Hosting = 'hosted' | 'selfHosted';

/** One configured upstream: wire format, address, credentials, bounds. */
export interface Provider {
  readonly name: string;
  readonly kind: string;
  /** Absent for kinds that answer in process. No trailing slash. */
  readonly baseUrl: string | undefined;
  readonly apiKey: Secret | undefined;
  readonly hosting: Hosting;
  readonly weight: number;
  readonly tier: number;
  readonly enabled: boolean;
  readonly allowPrivate: boolean;
  readonly timeouts: Timeouts;
  readonly concurrency: ConcurrencySettings;
  readonly onDisconnect: 'cancel' | 'drain' | 'reserved';
  readonly requestIdHeader: 'raw' | 'uuid' | 'none';
  /** Ask for a stream and assemble the plain answer, so that an abort stops the engine. */
  readonly streamUpstream: boolean;
  /** What counts answers whose usage the provider does not report; undefined = by their length. */
  readonly tokenizer: Encoding | undefined;
  /** Add up usage over choices (an engine that reports one usage chunk per choice). */
  readonly usagePerChoice: boolean;
  /** The request member that caps the output on this upstream. */
  readonly tokenCapField: 'max_tokens' | 'max_completion_tokens' | 'both';
  readonly probe: ProbeSettings;
  readonly simulated: SimulatedSettings | undefined;
}

export interface Timeouts {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
}

export interface ConcurrencySettings {
  readonly limiter: 'auto' | 'fixed' | 'gradient' | 'aimd';
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** Active health probes of an upstream. */
export interface ProbeSettings {
  readonly enabled: boolean;
  /** Path relative to the origin, e.g. `/health`; undefined = the kind's own. */
  readonly path: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Send a one-token warm-up after this long without traffic; undefined = never. */
  readonly warmUpAfterIdleMs: number | undefined;
}

export interface SimulatedSettings {
  readonly firstTokenMs: number;
  readonly tokenMs: number;
  readonly tokens: number;
  /** Share of requests, 0 to 1, that fail with 500. */
  readonly errorRate: number;
  readonly seed: number;
}

/** What clients ask for; its targets serve it. */
export interface Model {
  readonly name: string;
  readonly targets: readonly Target[];
  /** undefined = unknown window. */
  readonly contextTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly reasoning: boolean;
  readonly price: Price | undefined;
  /** Output bounds of this model over the global ones. */
  readonly output: OutputLimits;
}

/** One callable (provider, upstream model) of a model alias. */
export interface Target {
  /** `provider/model`: the key of its breaker, limiter and cool-down. */
  readonly id: string;
  readonly provider: Provider;
  /** The upstream's name of the model. */
  readonly model: string;
  readonly weight: number;
  readonly tier: number;
  readonly contextTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  /** Continues a text whose beginning it is given. */
  readonly continuesPrefix: boolean;
  readonly price: Price | undefined;
}

/** Pico-USD per token (1 USD per million tokens = 1,000,000 pico-USD per token). */
export interface Price {
  readonly inputPicoUsd: number;
  readonly cachedInputPicoUsd: number;
  readonly outputPicoUsd: number;
  /** Prices from a prompt of `fromTokens` on; ascending. */
  readonly tiers: readonly PriceTier[];
}

export interface PriceTier {
  readonly fromTokens: number;
  readonly inputPicoUsd: number;
  readonly cachedInputPicoUsd: number;
  readonly outputPicoUsd: number;
}

export interface ResilienceSettings {
  readonly maxAttempts: number;
  readonly maxRetryAfterWaitMs: number;
  /** Tokens earned per first attempt; each retry spends one. */
  readonly retryBudgetRatio: number;
  readonly minAttemptMs: number;
  readonly midStream: 'error' | 'resume' | 'hold';
  readonly breaker: BreakerSettings;
  readonly queue: QueueSettings;
  readonly hedging: HedgingSettings;
  readonly shedding: SheddingSettings;
  readonly drain: { readonly delayMs: number; readonly timeoutMs: number };
}

export interface BreakerSettings {
  readonly enabled: boolean;
  readonly windowMs: number;
  readonly minSamples: number;
  /** Shares from 0 to 1. */
  readonly failureRate: number;
  readonly throttleRate: number;
  readonly slowRate: number;
  readonly slowMs: number;
  readonly consecutiveFaults: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly probeSuccesses: number;
  readonly slowStartMs: number;
}

export interface QueueSettings {
  readonly enabled: boolean;
  readonly maxLength: number;
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  /** Largest share of the queue that one key may hold while another waits, 0 to 1. */
  readonly maxKeyShare: number;
  /** Deficit round robin's quantum, estimated tokens. */
  readonly quantumTokens: number;
}

export interface HedgingSettings {
  readonly enabled: boolean;
  readonly minDelayMs: number;
  /** Share of requests that may be hedged, 0 to 1. */
  readonly budgetRatio: number;
  readonly minSamples: number;
  /** Hedge on targets that bill, too. */
  readonly allowHosted: boolean;
}

export interface SheddingSettings {
  readonly enabled: boolean;
  readonly sampleMs: number;
  /** Memory that counts as 100 %, bytes; undefined = the cgroup's limit, else the machine's memory. */
  readonly memoryLimitBytes: number | undefined;
  /** Longest answer of degradable keys from level 2 on, tokens. */
  readonly degradedMaxTokens: number;
}

export interface OutputLimits {
  readonly maxCharacters: number | undefined;
  readonly maxTokens: number | undefined;
}

export type RuleAction = 'block' | 'redact' | 'flag';

export interface BannedWord {
  readonly text: string;
  /** No letter, number or mark may stand on either side. */
  readonly word: boolean;
  readonly action: RuleAction;
  readonly id: string;
}

export interface PiiSettings {
  readonly enabled: boolean;
  readonly kinds: readonly ('email' | 'card' | 'iban')[];
  readonly action: RuleAction;
}

export interface GuardrailSettings {
  readonly input: {
    readonly words: readonly BannedWord[];
    readonly maxBytes: number;
    readonly maxMessages: number;
    readonly maxDepth: number;
    readonly maxStringBytes: number;
    readonly maxTools: number;
    readonly maxChoices: number;
    readonly pii: PiiSettings;
  };
  readonly output: OutputLimits & {
    readonly words: readonly BannedWord[];
    readonly pii: PiiSettings;
  };
  /** Texts in which a banned word is innocent. */
  readonly allow: readonly string[];
}

export interface LimitSettings {
  readonly maxInFlight: number;
  readonly bodyBytes: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number | undefined;
  readonly writeStallMs: number;
}

export interface QuotaSettings {
  readonly reservation: {
    readonly mode: 'whole' | 'sliced';
    /** Count a prompt byte as a token: never too low for any byte-level tokenizer. */
    readonly strict: boolean;
    readonly defaultMaxTokens: number;
  };
  readonly leaseMs: number;
  readonly onLeaseExpiry: 'release' | 'charge';
}

export interface ChaosSettings {
  readonly enabled: boolean;
  /** As the file states them, checked; in force from the start of the process. */
  readonly experiments: readonly Readonly<Record<string, unknown>>[];
}

export interface SloSettings {
  readonly availability: number;
  readonly firstTokenMs: number;
  readonly firstTokenRatio: number;
}
