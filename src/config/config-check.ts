import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './config-error.js';
import { type EnvironmentVariables, loadEnvironment } from './env.js';
import { buildSnapshot } from './load-snapshot.js';
import { PROVIDER_KINDS } from './provider-kinds.js';

const readFile = (path: string): string => readFileSync(path, 'utf8');

function readConfig(path: string): string {
  try {
    return readFile(path);
  } catch {
    throw new ConfigError([`file: ${path} cannot be read`]);
  }
}

/**
 * Checks a gateway file (that of CONFIG_PATH where none is named) as a start would, and starts nothing.
 * @returns lines to show: what the file holds, then its warnings
 * @throws ConfigError with one line per problem
 */
export function checkConfig(path: string | undefined, variables?: EnvironmentVariables): string[] {
  const env = loadEnvironment(variables);
  const file = path ?? env.CONFIG_PATH;
  const sources = { env, baseDir: dirname(file), kinds: PROVIDER_KINDS, readFile, wallNow: 0 };
  const { snapshot, warnings } = buildSnapshot(readConfig(file), sources);
  const counts = `${snapshot.providers.size} providers, ${snapshot.models.size} models, ${snapshot.keys.length} keys`;
  const anonymous = snapshot.anonymous === undefined ? 'off' : 'on';
  return [
    `ok: ${counts}, anonymous access ${anonymous}, version ${snapshot.version.slice(0, 12)}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}
