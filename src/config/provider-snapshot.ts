import { type Secret } from '../kernel/secret.js';
import { type ConcurrencySettings, type Provider } from '../kernel/snapshot.js';
import { type Findings } from './config-error.js';
import { type ProviderConfig } from './gateway-config.schema.js';
import { nearestKey } from './nearest-key.js';
import { isPrivateHost } from './private-address.js';
import { type References } from './references.js';

/** What the configuration must know of a wire format. */
export interface ProviderKind {
  readonly kind: string;
  readonly needsBaseUrl: boolean;
}

export interface ProviderContext {
  readonly kinds: readonly ProviderKind[];
  readonly references: References;
  readonly findings: Findings;
  /** PROVIDER_WEIGHTS. */
  readonly weights: ReadonlyMap<string, number> | undefined;
}

const INITIAL_LIMIT = { hosted: 256, selfHosted: 20 } as const;

/** The providers by name, checked against each other and the known kinds. */
export function buildProviders(configs: readonly ProviderConfig[], context: ProviderContext): Map<string, Provider> {
  const providers = new Map<string, Provider>();
  configs.forEach((config, index) => {
    const path = `providers[${index}]`;
    if (providers.has(config.name)) context.findings.problem(`${path}.name`, `"${config.name}" is there twice`);
    providers.set(config.name, buildProvider(config, path, context));
  });
  for (const name of context.weights?.keys() ?? []) {
    if (!providers.has(name)) {
      context.findings.problem(`PROVIDER_WEIGHTS`, `no provider is named "${name}"${hint(name, providers)}`);
    }
  }
  return providers;
}

/** `, did you mean "x"?`, or which names there are. */
export function hint(name: string, known: ReadonlyMap<string, unknown>): string {
  const names = [...known.keys()];
  const nearest = nearestKey(name, names);
  return nearest === undefined ? `, there are ${names.join(', ')}` : `, did you mean "${nearest}"?`;
}

function buildProvider(config: ProviderConfig, path: string, context: ProviderContext): Provider {
  const { findings } = context;
  const kind = context.kinds.find((known) => known.kind === config.kind);
  if (kind === undefined) {
    const known = new Map(context.kinds.map((each) => [each.kind, each]));
    findings.problem(`${path}.kind`, `unknown kind "${config.kind}"${hint(config.kind, known)}`);
  }
  if (kind?.needsBaseUrl === true && config.baseUrl === undefined) {
    findings.problem(`${path}.baseUrl`, `missing, expected the address of the upstream (kind ${config.kind})`);
  }
  if (config.simulated !== undefined && config.kind !== 'simulated') {
    findings.warning(`${path}.simulated`, `has no effect on kind ${config.kind}`);
  }
  if (config.tokenizer !== undefined && config.kind === 'anthropic') {
    findings.problem(
      `${path}.tokenizer`,
      'found one for kind anthropic, which reports its usage and has tokens of its own',
    );
  }
  const { name, hosting, weight, tier, enabled, allowPrivate, timeouts, onDisconnect, requestIdHeader } = config;
  return {
    name,
    kind: config.kind,
    hosting,
    weight: context.weights?.get(name) ?? weight,
    tier,
    enabled,
    allowPrivate,
    timeouts,
    onDisconnect,
    requestIdHeader,
    baseUrl: config.baseUrl === undefined ? undefined : baseUrl(config, `${path}.baseUrl`, context),
    apiKey: config.apiKey === undefined ? undefined : apiKey(config.apiKey, `${path}.apiKey`, context),
    concurrency: concurrency(config, `${path}.concurrency`, findings),
    streamUpstream: config.streamUpstream,
    tokenizer: config.tokenizer,
    usagePerChoice: config.usagePerChoice,
    tokenCapField: config.tokenCapField ?? (config.kind === 'openai' ? 'max_completion_tokens' : 'max_tokens'),
    probe: {
      ...config.probe,
      enabled: config.probe.enabled ?? hosting === 'selfHosted',
      path: config.probe.path ?? undefined,
      warmUpAfterIdleMs: config.probe.warmUpAfterIdleMs ?? undefined,
    },
    simulated: config.kind === 'simulated' ? (config.simulated ?? SIMULATED) : undefined,
  };
}

const SIMULATED = { firstTokenMs: 50, tokenMs: 10, tokens: 32, errorRate: 0, seed: 1 } as const;

function concurrency(config: ProviderConfig, path: string, findings: Findings): ConcurrencySettings {
  const { limiter, min, max } = config.concurrency;
  if (min > max) findings.problem(`${path}.min`, `found ${min}, expected at most max (${max})`);
  const initial = config.concurrency.initial ?? Math.max(min, Math.min(max, INITIAL_LIMIT[config.hosting]));
  if (initial > max) findings.problem(`${path}.initial`, `found ${initial}, expected at most max (${max})`);
  if (initial < min && min <= max) {
    findings.problem(`${path}.initial`, `found ${initial}, expected at least min (${min})`);
  }
  return { limiter, min, max, initial };
}

/** A credential that a header can carry. */
function apiKey(given: string, path: string, { references, findings }: ProviderContext): Secret | undefined {
  const secret = references.secret(path, given);
  if (secret && !/^[\x20-\x7e]*$/.test(secret.reveal())) {
    findings.problem(path, 'found characters beyond ASCII (value not shown), expected what a header can carry');
  }
  return secret;
}

/** The address without a trailing slash. Its text is never shown: it may hold a resolved secret. */
function baseUrl(config: ProviderConfig, path: string, context: ProviderContext): string | undefined {
  const text = context.references.text(path, config.baseUrl ?? '');
  if (text === undefined) return undefined;
  const problem = (what: string): void => context.findings.problem(path, what);
  const url = URL.parse(text);
  if (url === null) {
    problem('found no URL (not shown), expected e.g. https://api.example.com/v1');
    return undefined;
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    problem(`found ${url.protocol}, expected https: (or http: with allowPrivate: true)`);
  } else if (url.protocol === 'http:' && !config.allowPrivate) {
    problem('found http:, expected https: (http: only with allowPrivate: true)');
  }
  if (url.username !== '' || url.password !== '') problem('found a user or password, expected them in apiKey');
  if (url.search !== '' || url.hash !== '') problem('found a query or fragment, expected neither');
  if (!config.allowPrivate && isPrivateHost(url.hostname)) {
    problem('found a loopback or private address, expected a public one (or allowPrivate: true)');
  }
  return `${url.origin}${url.pathname}`.replace(/(?<!\/)\/+$/, '');
}
