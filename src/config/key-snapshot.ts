import { type ApiKey, type Budget, type KeyLimits, type Principal } from '../kernel/snapshot.js';
import { type Findings } from './config-error.js';
import { type AnonymousConfig, type ApiKeyConfig } from './gateway-config.schema.js';
import { usdToNano } from './money.js';
import { type References } from './references.js';

export interface KeyContext {
  readonly references: References;
  readonly findings: Findings;
  /** Whether GATEWAY_KEY_PEPPER is set. */
  readonly hasPepper: boolean;
}

export const ANONYMOUS_ID = 'anonymous';
const SHORTEST_SECRET = 16;
const DIGEST = /^hmac-sha256:([0-9a-fA-F]{64})$/;

/** The credentials of the file; ids, secrets and digests must each be there once. */
export function buildKeys(configs: readonly ApiKeyConfig[], context: KeyContext): ApiKey[] {
  const ids = new Set<string>();
  const credentials = new Map<string, string>();
  return configs.map((config, index) => {
    const path = `auth.keys[${index}]`;
    if (ids.has(config.id)) context.findings.problem(`${path}.id`, `"${config.id}" is there twice`);
    ids.add(config.id);
    const key = buildKey(config, path, context);
    for (const credential of [...key.digests, ...(key.secret === undefined ? [] : [key.secret.reveal()])]) {
      const other = credentials.get(credential);
      if (other !== undefined) context.findings.problem(path, `has the same secret or digest as ${other}`);
      credentials.set(credential, path);
    }
    return key;
  });
}

/** Who a caller without a known key is; undefined where anonymous access is off. */
export function buildAnonymous(
  config: AnonymousConfig,
  keys: readonly ApiKeyConfig[],
  findings: Findings,
): Principal | undefined {
  if (!(config.enabled ?? keys.length === 0)) return undefined;
  const namesake = keys.findIndex((key) => key.id === ANONYMOUS_ID);
  if (namesake >= 0) {
    findings.problem(`auth.keys[${namesake}].id`, `"${ANONYMOUS_ID}" is taken while anonymous access is on`);
  }
  return principal({ ...config, id: ANONYMOUS_ID, role: 'client' }, 'auth.anonymous', findings);
}

function buildKey(config: ApiKeyConfig, path: string, { references, findings, hasPepper }: KeyContext): ApiKey {
  const given = [...(config.digest === undefined ? [] : [config.digest]), ...(config.digests ?? [])];
  if (given.length > 0 && !hasPepper) {
    findings.problem(path, 'a digest needs the environment variable GATEWAY_KEY_PEPPER');
  }
  if (given.length === 0 && config.secret === undefined) {
    findings.problem(path, 'missing, expected secret, digest or digests');
  }
  const secret = config.secret === undefined ? undefined : references.secret(`${path}.secret`, config.secret);
  const length = secret?.reveal().length ?? SHORTEST_SECRET;
  if (length < SHORTEST_SECRET) {
    findings.problem(`${path}.secret`, `found ${length} characters, expected at least ${SHORTEST_SECRET}`);
  }
  const digests = given.flatMap((text, index) => {
    const where = config.digest !== undefined && index === 0 ? 'digest' : 'digests';
    return readDigest(text, `${path}.${where}`, { references, findings });
  });
  const expiresAt = config.expiresAt === undefined ? undefined : Date.parse(config.expiresAt);
  return { principal: principal(config, path, findings), secret, digests, expiresAt };
}

function readDigest(raw: string, path: string, context: Pick<KeyContext, 'references' | 'findings'>): string[] {
  const text = context.references.text(path, raw);
  if (text === undefined) return [];
  const hex = DIGEST.exec(text)?.[1];
  if (hex === undefined) context.findings.problem(path, 'found no digest (not shown), expected hmac-sha256:<64 hex>');
  return hex === undefined ? [] : [hex.toLowerCase()];
}

type PrincipalConfig = Omit<AnonymousConfig, 'enabled'> & Pick<ApiKeyConfig, 'id' | 'role'>;

function principal(config: PrincipalConfig, path: string, findings: Findings): Principal {
  const { id, role, team, user, priority, degradable, models, providers, budgetOnRedisDown } = config;
  return {
    keyId: id,
    org: config.org ?? id,
    team,
    user,
    role,
    priority,
    degradable,
    models,
    providers,
    limits: keyLimits(config.limits),
    budgets: buildBudgets(config, path, findings),
    budgetOnRedisDown,
  };
}

function keyLimits(limits: PrincipalConfig['limits']): KeyLimits {
  return {
    requestsPerMinute: limits.requestsPerMinute ?? undefined,
    requestBurst: limits.requestBurst ?? undefined,
    tokensPerMinute: limits.tokensPerMinute ?? undefined,
    concurrentRequests: limits.concurrentRequests ?? undefined,
    maxTokensPerRequest: limits.maxTokensPerRequest ?? undefined,
  };
}

function buildBudgets(config: PrincipalConfig, path: string, findings: Findings): Budget[] {
  const seen = new Set<string>();
  return config.budgets.map(({ scope, window, usd }, index) => {
    const where = `${path}.budgets[${index}]`;
    if (seen.has(`${scope} ${window}`)) findings.problem(where, `a budget of ${scope} per ${window} is there twice`);
    seen.add(`${scope} ${window}`);
    if ((scope === 'team' || scope === 'user') && config[scope] === undefined) {
      findings.problem(where, `scope ${scope} needs the key's ${scope}`);
    }
    const limitNanoUsd = usdToNano(usd);
    if (limitNanoUsd === undefined) throw new Error('an amount passed the schema without being one');
    return { scope, window, limitNanoUsd };
  });
}
