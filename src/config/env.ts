import 'reflect-metadata';
import { availableParallelism } from 'node:os';
import { plainToInstance, Transform } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  Min,
  ValidateBy,
  validateSync,
} from 'class-validator';
import { Secret } from '../kernel/secret.js';
import { ConfigError } from './config-error.js';

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const LOG_LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
/** Variables whose value no message may show. */
const HIDDEN: ReadonlySet<string> = new Set(['GATEWAY_KEY_PEPPER', 'REDIS_URL', 'PROVIDER_WEIGHTS']);

/** Text to boolean; anything else stays and fails the check. */
const Flag = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => {
    if (value === 'true' || value === '1') return true;
    return value === 'false' || value === '0' ? false : value;
  });

const Whole = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value,
  );

const flagRule = { message: 'true, false, 1 or 0' };
const workersRule = { message: 'auto or an integer from 1 to 256' };
const portRule = { message: 'an integer from 0 to 65535' };
const textRule = { message: 'a text' };
const urlRule = { message: 'an http or https URL' };
const urlShape = { protocols: ['http', 'https'], require_protocol: true, require_tld: false };

const IsWeights = (): PropertyDecorator =>
  ValidateBy(
    { name: 'isWeights', validator: { validate: (value) => value instanceof Map } },
    { message: 'a JSON object of provider names and weights of at least 0' },
  );

const IsSecret = (): PropertyDecorator =>
  ValidateBy({ name: 'isSecret', validator: { validate: (value) => value instanceof Secret } }, textRule);

/** What the process is told from outside, checked once at start. The only reader of `process.env`. */
export class Environment {
  @Matches(/^[\w-]+$/, { message: 'a word such as development or production' })
  NODE_ENV = 'development';

  @Flag()
  @IsBoolean(flagRule)
  DEBUG = false;

  @IsString(textRule)
  HOST = '0.0.0.0';

  @Whole()
  @IsInt(portRule)
  @Min(0, portRule)
  @Max(65_535, portRule)
  PORT = 8000;

  @IsString(textRule)
  OPS_HOST = '127.0.0.1';

  @Whole()
  @IsInt(portRule)
  @Min(0, portRule)
  @Max(65_535, portRule)
  OPS_PORT = 9090;

  @Transform(({ value }: { value: unknown }) => (value === 'auto' ? availableParallelism() : value))
  @Whole()
  @IsInt(workersRule)
  @Min(1, workersRule)
  @Max(256, workersRule)
  WORKERS = 1;

  @IsIn(LOG_LEVELS, { message: `one of ${LOG_LEVELS.join(', ')}` })
  LOG_LEVEL: LogLevel = 'info';

  @IsString(textRule)
  CONFIG_PATH = 'config/gateway.yaml';

  /** Weights over those of the file's providers, by provider name. */
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => parseWeights(value))
  @IsWeights()
  PROVIDER_WEIGHTS?: ReadonlyMap<string, number>;

  /** It may hold a password. */
  @IsOptional()
  @Matches(/^(rediss?|unix):\/\/\S+$/, { message: 'a redis, rediss or unix URL' })
  REDIS_URL?: string;

  @IsOptional()
  @IsUrl(urlShape, urlRule)
  OTEL_EXPORTER_OTLP_ENDPOINT?: string;

  @IsOptional()
  @IsUrl(urlShape, urlRule)
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string;

  @Flag()
  @IsBoolean(flagRule)
  OTEL_SDK_DISABLED = false;

  @IsOptional()
  @IsString(textRule)
  OTEL_SERVICE_NAME?: string;

  @IsOptional()
  @IsString(textRule)
  OTEL_TRACES_SAMPLER?: string;

  @IsOptional()
  @IsString(textRule)
  OTEL_TRACES_SAMPLER_ARG?: string;

  @Flag()
  @IsBoolean(flagRule)
  GATEWAY_ALLOW_CHAOS = false;

  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? new Secret(value) : value))
  @IsSecret()
  GATEWAY_KEY_PEPPER?: Secret;

  /** The variables that the gateway file names; not enumerable, so that no dump shows them. */
  readonly #variables: EnvironmentVariables;

  constructor(variables: EnvironmentVariables = {}) {
    this.#variables = variables;
  }

  get isProduction(): boolean {
    return this.NODE_ENV === 'production';
  }

  /** LOG_LEVEL, or debug where DEBUG is on. */
  get logLevel(): LogLevel {
    return this.DEBUG ? 'debug' : this.LOG_LEVEL;
  }

  /** Value of any variable, for `${env:X}`. */
  lookup(name: string): string | undefined {
    return Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined;
  }
}

function parseWeights(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return value;
    const entries = Object.entries(parsed);
    const isWeight = ([, weight]: [string, unknown]): boolean =>
      typeof weight === 'number' && weight >= 0 && weight <= 1_000_000;
    return entries.every(isWeight) ? new Map(entries) : value;
  } catch {
    return value;
  }
}

/**
 * Reads and checks the environment; a variable set to the empty string counts as absent.
 * @throws ConfigError with one line per variable at fault
 */
export function loadEnvironment(variables: EnvironmentVariables = process.env): Environment {
  const members = Object.fromEntries(
    Object.keys(DESCRIPTIONS)
      .filter((name) => (variables[name] ?? '') !== '')
      .map((name) => [name, variables[name]]),
  );
  const converted = plainToInstance(Environment, members, { exposeDefaultValues: true });
  const environment = Object.assign(new Environment({ ...variables }), converted);
  const problems = validateSync(environment, { stopAtFirstError: true }).map((error) => {
    const expected = Object.values(error.constraints ?? {})[0] ?? 'another value';
    const found = HIDDEN.has(error.property) ? 'a value (not shown)' : JSON.stringify(error.value);
    return `${error.property}: found ${found}, expected ${expected}`;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  Object.freeze(environment);
  return environment;
}

/** Meaning of every variable: docs/CONFIGURATION.md is generated from it. */
export const DESCRIPTIONS = {
  NODE_ENV: '`production` turns the API documentation off and is strict about development conveniences',
  DEBUG: '`true` logs at level debug',
  HOST: 'Address of the public listener',
  PORT: 'Port of the public listener',
  OPS_HOST: 'Address of the operations listener',
  OPS_PORT: 'Port of the operations listener',
  WORKERS: 'Processes that serve the public port; `auto`: one per core. Limits per process are divided among them',
  LOG_LEVEL: 'Least severe level that is logged',
  CONFIG_PATH: 'The gateway file',
  PROVIDER_WEIGHTS: 'JSON object of provider names and weights, over the weights of the file: `{"openai":70}`',
  REDIS_URL: 'Shared quota store; absent: a store in the process',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'OpenTelemetry collector; absent: no traces are exported',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'Collector for traces alone',
  OTEL_SDK_DISABLED: '`true` turns tracing off',
  OTEL_SERVICE_NAME: 'Name of the service in traces',
  OTEL_TRACES_SAMPLER: 'Sampler, as OpenTelemetry names it',
  OTEL_TRACES_SAMPLER_ARG: 'Argument of the sampler',
  GATEWAY_ALLOW_CHAOS: '`1` allows `chaos.enabled` in the file',
  GATEWAY_KEY_PEPPER: 'Secret under which keys are digested; needed where a key is given as a digest',
} as const satisfies Record<Exclude<keyof Environment, 'isProduction' | 'logLevel' | 'lookup'>, string>;
