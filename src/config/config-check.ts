import { type EnvironmentVariables } from './env.js';
import { snapshotOfFile } from './snapshot-of-file.js';

/**
 * Checks a gateway file (that of CONFIG_PATH where none is named) as a start would, and starts nothing.
 * @returns lines to show: what the file holds, then its warnings
 * @throws ConfigError with one line per problem
 */
export function checkConfig(path: string | undefined, variables?: EnvironmentVariables): string[] {
  const { snapshot, warnings } = snapshotOfFile(path, variables);
  const counts = `${snapshot.providers.size} providers, ${snapshot.models.size} models, ${snapshot.keys.length} keys`;
  const anonymous = snapshot.anonymous === undefined ? 'off' : 'on';
  return [
    `ok: ${counts}, anonymous access ${anonymous}, version ${snapshot.version.slice(0, 12)}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}
