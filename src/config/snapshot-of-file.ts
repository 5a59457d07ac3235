import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './config-error.js';
import { type EnvironmentVariables, loadEnvironment } from './env.js';
import { buildSnapshot, type LoadedSnapshot } from './load-snapshot.js';
import { PROVIDER_KINDS } from './provider-kinds.js';

const readFile = (path: string): string => readFileSync(path, 'utf8');

/**
 * Loads a gateway file (that of CONFIG_PATH where none is named) as a start would, and starts nothing.
 * @throws ConfigError with one line per problem
 */
export function snapshotOfFile(path: string | undefined, variables?: EnvironmentVariables): LoadedSnapshot {
  const env = loadEnvironment(variables);
  const file = path ?? env.CONFIG_PATH;
  return buildSnapshot(readConfig(file), { env, baseDir: dirname(file), kinds: PROVIDER_KINDS, readFile, wallNow: 0 });
}

function readConfig(path: string): string {
  try {
    return readFile(path);
  } catch {
    throw new ConfigError([`file: ${path} cannot be read`]);
  }
}
