import { loadEnvironment } from '../../src/config/env.js';
import { type SnapshotSources } from '../../src/config/load-snapshot.js';
import { PROVIDER_KINDS } from '../../src/config/provider-kinds.js';

/** Sources of a configuration under test: these variables, these files, and a fixed load time. */
export function configSources(
  variables: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): SnapshotSources {
  return {
    env: loadEnvironment(variables),
    baseDir: '/etc/gateway',
    kinds: PROVIDER_KINDS,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`no file ${path}`);
      return text;
    },
    wallNow: 1_700_000_000_000,
  };
}
