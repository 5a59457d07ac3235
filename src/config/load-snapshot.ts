import { type BannedWord, type GuardrailSettings, type Snapshot } from '../kernel/snapshot.js';
import { parseExperiment } from './chaos-experiment.js';
import { ConfigError, Findings } from './config-error.js';
import { type Environment } from './env.js';
import { deepFreeze, FrozenMap } from './frozen.js';
import { type BannedWordConfig, type GatewayConfig, gatewayConfigSchema } from './gateway-config.schema.js';
import { buildAnonymous, buildKeys } from './key-snapshot.js';
import { buildModels, outputLimits } from './model-snapshot.js';
import { buildProviders, type ProviderKind } from './provider-snapshot.js';
import { References } from './references.js';
import { schemaProblems } from './schema-problems.js';
import { versionOf } from './snapshot-version.js';
import { workerShare } from './worker-share.js';
import { parseYaml } from './yaml-document.js';

export interface SnapshotSources {
  readonly env: Pick<Environment, 'lookup' | 'GATEWAY_ALLOW_CHAOS' | 'GATEWAY_KEY_PEPPER' | 'PROVIDER_WEIGHTS'> &
    Partial<Pick<Environment, 'WORKERS'>>;
  /** Folder that `${file:X}` starts from: the configuration's own. */
  readonly baseDir: string;
  readonly kinds: readonly ProviderKind[];
  /** Text of a file that the configuration names; throws where it cannot be read. */
  readonly readFile: (path: string) => string;
  /** Wall clock, ms since the epoch. */
  readonly wallNow: number;
}

export interface LoadedSnapshot {
  readonly snapshot: Snapshot;
  readonly warnings: readonly string[];
}

/**
 * From the text of a gateway file to a frozen snapshot: parse, schema, references to secrets, cross references.
 * Reads nothing but the files that the text names, and changes nothing.
 * @throws ConfigError with one line per problem; no line holds a secret
 */
export function buildSnapshot(text: string, sources: SnapshotSources): LoadedSnapshot {
  const config = parseConfig(text);
  const findings = new Findings();
  const references = new References({ ...sources, lookup: (name) => sources.env.lookup(name) }, findings);
  const content = buildContent(config, sources, { references, findings });
  findings.throwProblems();
  warnOfUnknownPrices(content, findings);
  references.warnOfLiterals();
  // The version is the file's: the same with any number of workers.
  const version = versionOf(content);
  const share = workerShare(content, sources.env.WORKERS ?? 1);
  const snapshot = deepFreeze({ ...share, version, loadedAt: sources.wallNow });
  return { snapshot, warnings: findings.warnings };
}

function parseConfig(text: string): GatewayConfig {
  const value = parseYaml(text);
  const parsed = gatewayConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ConfigError(schemaProblems(gatewayConfigSchema, value, parsed.error.issues));
}

type Content = Omit<Snapshot, 'version' | 'loadedAt'>;

function buildContent(
  config: GatewayConfig,
  { env, kinds }: SnapshotSources,
  context: { references: References; findings: Findings },
): Content {
  const { findings } = context;
  const providers = buildProviders(config.providers, { ...context, kinds, weights: env.PROVIDER_WEIGHTS });
  const { chaos, limits, resilience } = config;
  if (chaos.enabled && !env.GATEWAY_ALLOW_CHAOS) {
    findings.problem('chaos.enabled', 'found true, which needs the environment variable GATEWAY_ALLOW_CHAOS=1');
  }
  checkExperiments(chaos.experiments, findings);
  if (resilience.breaker.openMs > resilience.breaker.maxOpenMs) {
    const { openMs, maxOpenMs } = resilience.breaker;
    findings.problem('resilience.breaker.openMs', `found ${openMs}, expected at most maxOpenMs (${maxOpenMs})`);
  }
  return {
    anonymous: buildAnonymous(config.auth.anonymous, config.auth.keys, findings),
    keys: buildKeys(config.auth.keys, { ...context, hasPepper: env.GATEWAY_KEY_PEPPER !== undefined }),
    providers: new FrozenMap(providers),
    models: new FrozenMap(buildModels(config.models, providers, findings)),
    routing: config.routing,
    resilience: {
      ...resilience,
      shedding: { ...resilience.shedding, memoryLimitBytes: resilience.shedding.memoryLimitBytes ?? undefined },
    },
    guardrails: buildGuardrails(config.guardrails),
    limits: { ...limits, maxConnectionsPerAddress: limits.maxConnectionsPerAddress ?? undefined },
    quota: config.quota,
    chaos,
    slo: config.slo,
  };
}

function checkExperiments(experiments: GatewayConfig['chaos']['experiments'], findings: Findings): void {
  experiments.forEach((experiment, index) => {
    const parsed = parseExperiment(experiment);
    if (!('problems' in parsed)) return;
    for (const problem of parsed.problems) findings.problems.push(`chaos.experiments[${index}].${problem}`);
  });
}

function buildGuardrails({ input, output, words, allow }: GatewayConfig['guardrails']): GuardrailSettings {
  const { bannedWords: inputWords, ...inputLimits } = input;
  const { bannedWords: outputWords, pii, ...limits } = output;
  const both = bannedWords(words, 'words');
  return {
    input: { ...inputLimits, words: [...bannedWords(inputWords, 'input'), ...both] },
    output: { ...outputLimits(limits), pii, words: [...bannedWords(outputWords, 'output'), ...both] },
    allow,
  };
}

/** A rule without an id is named by its list and place, never by its text: ids stand in metrics and logs. */
function bannedWords(configs: readonly BannedWordConfig[], list: string): BannedWord[] {
  return configs.map((config, index) => {
    const id = `${list}-${index}`;
    if (typeof config === 'string') return { text: config, word: false, action: 'block', id };
    return { ...config, id: config.id ?? id };
  });
}

/** Such requests are refused one by one as `unpriced_model`; the file may be meant so. */
function warnOfUnknownPrices({ keys, anonymous, models }: Content, findings: Findings): void {
  const principals = [...keys.map((key) => key.principal), ...(anonymous === undefined ? [] : [anonymous])];
  if (principals.every((principal) => principal.budgets.length === 0)) return;
  const unpriced = [...models.values()].filter((model) => model.targets.some((target) => target.price === undefined));
  if (unpriced.length === 0) return;
  const names = unpriced.map((model) => model.name).join(', ');
  findings.warning('models', `no price is known for ${names}: keys with a budget are refused there`);
}
