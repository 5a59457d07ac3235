import { availableParallelism } from 'node:os';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.js';
import { DESCRIPTIONS, Environment, type EnvironmentVariables, loadEnvironment } from './env.js';

function problemsOf(variables: EnvironmentVariables): readonly string[] {
  try {
    loadEnvironment(variables);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the environment', () => {
  it('has the documented defaults', () => {
    expect(Object.fromEntries(Object.entries(loadEnvironment({})))).toEqual({
      NODE_ENV: 'development',
      DEBUG: false,
      HOST: '0.0.0.0',
      PORT: 8000,
      OPS_HOST: '127.0.0.1',
      OPS_PORT: 9090,
      WORKERS: 1,
      LOG_LEVEL: 'info',
      CONFIG_PATH: 'config/gateway.yaml',
      OTEL_SDK_DISABLED: false,
      GATEWAY_ALLOW_CHAOS: false,
    });
  });

  it('reads every variable into its type', () => {
    const environment = loadEnvironment({
      NODE_ENV: 'production',
      DEBUG: '1',
      HOST: '::',
      PORT: '0',
      OPS_HOST: '0.0.0.0',
      OPS_PORT: '9091',
      LOG_LEVEL: 'warn',
      CONFIG_PATH: '/etc/gateway.yaml',
      PROVIDER_WEIGHTS: '{"openai":70,"__proto__":1}',
      REDIS_URL: 'rediss://user:password@redis:6379/0',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_SDK_DISABLED: 'true',
      GATEWAY_ALLOW_CHAOS: '1',
      GATEWAY_KEY_PEPPER: 'pepper',
    });
    expect(environment).toMatchObject({ PORT: 0, OPS_PORT: 9091, OTEL_SDK_DISABLED: true, GATEWAY_ALLOW_CHAOS: true });
    expect(environment.isProduction).toBe(true);
    expect(environment.PROVIDER_WEIGHTS).toEqual(
      new Map([
        ['openai', 70],
        ['__proto__', 1],
      ]),
    );
    expect(environment.GATEWAY_KEY_PEPPER?.reveal()).toBe('pepper');
  });

  it('logs at debug where DEBUG is on, else at LOG_LEVEL', () => {
    expect(loadEnvironment({ DEBUG: 'true', LOG_LEVEL: 'error' }).logLevel).toBe('debug');
    expect(loadEnvironment({ LOG_LEVEL: 'error' }).logLevel).toBe('error');
  });

  it('counts cores where WORKERS is auto', () => {
    expect(loadEnvironment({ WORKERS: 'auto' }).WORKERS).toBe(availableParallelism());
    expect(loadEnvironment({ WORKERS: '3' }).WORKERS).toBe(3);
  });

  it('takes an empty variable for an absent one', () => {
    const environment = loadEnvironment({ PORT: '', REDIS_URL: '', PROVIDER_WEIGHTS: '', GATEWAY_KEY_PEPPER: '' });
    expect(environment.PORT).toBe(8000);
    expect(environment.REDIS_URL ?? environment.PROVIDER_WEIGHTS ?? environment.GATEWAY_KEY_PEPPER).toBeUndefined();
  });

  it.each([
    [{ PORT: '80a' }, 'PORT: found "80a", expected an integer from 0 to 65535'],
    [{ PORT: '65536' }, 'PORT: found 65536, expected an integer from 0 to 65535'],
    [{ OPS_PORT: '-1' }, 'OPS_PORT: found "-1", expected an integer from 0 to 65535'],
    [{ WORKERS: '0' }, 'WORKERS: found 0, expected auto or an integer from 1 to 256'],
    [{ WORKERS: 'all' }, 'WORKERS: found "all", expected auto or an integer from 1 to 256'],
    [{ DEBUG: 'yes' }, 'DEBUG: found "yes", expected true, false, 1 or 0'],
    [
      { LOG_LEVEL: 'verbose' },
      'LOG_LEVEL: found "verbose", expected one of fatal, error, warn, info, debug, trace, silent',
    ],
    [{ NODE_ENV: 'a b' }, 'NODE_ENV: found "a b", expected a word such as development or production'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' },
      'OTEL_EXPORTER_OTLP_ENDPOINT: found "collector", expected an http or https URL',
    ],
    [{ GATEWAY_ALLOW_CHAOS: 'on' }, 'GATEWAY_ALLOW_CHAOS: found "on", expected true, false, 1 or 0'],
    [
      { REDIS_URL: 'http://:password@redis' },
      'REDIS_URL: found a value (not shown), expected a redis, rediss or unix URL',
    ],
    ...['70', '[]', 'null', '{"a":"1"}', '{"a":-1}', '{"a":1e999}', '{a:1}'].map((weights): [object, string] => [
      { PROVIDER_WEIGHTS: weights },
      'PROVIDER_WEIGHTS: found a value (not shown), expected a JSON object of provider names and weights of at least 0',
    ]),
  ])('refuses %o in one line', (variables, line) => {
    expect(problemsOf(variables as EnvironmentVariables)).toEqual([line]);
  });

  it('tells of all variables at fault at once', () => {
    expect(problemsOf({ PORT: 'x', OPS_PORT: 'y' })).toHaveLength(2);
  });

  it('looks any variable up, but nothing that all objects have', () => {
    const environment = loadEnvironment({ TEAM_KEY: 'value' });
    expect(environment.lookup('TEAM_KEY')).toBe('value');
    expect(environment.lookup('constructor')).toBeUndefined();
  });

  it('shows neither the pepper nor other variables when it is printed, and cannot be changed', () => {
    const environment = loadEnvironment({ GATEWAY_KEY_PEPPER: 'pepper-text', TEAM_KEY: 'team-secret' });
    const printed = inspect(environment, { depth: 9, showHidden: true }) + JSON.stringify(environment);
    expect(printed).not.toMatch(/pepper-text|team-secret/);
    expect(Object.isFrozen(environment)).toBe(true);
  });

  it('has a description for each member', () => {
    expect(Object.keys(DESCRIPTIONS).sort()).toEqual(Object.keys(new Environment()).sort());
  });
});
