import { checkConfig } from '../config/config-check.js';
import { configDiff } from '../config/config-diff.js';
import { gatewayJsonSchema } from '../config/config-docs.js';
import { ConfigError } from '../config/config-error.js';
import { snapshotOfFile } from '../config/snapshot-of-file.js';

export const CONFIG_HELP = `sre-gateway config check [FILE]   ok, or one line per problem and exit 1
sre-gateway config diff A B       one line per change, such as: provider "openai": weight 70 -> 30
sre-gateway config schema         JSON Schema of the file

Files are read as a start would read them: \${env:X} and \${file:X} must be there. Nothing is started, and no line
shows a secret. Without FILE the file of CONFIG_PATH is checked.
`;

/** @returns the exit code: 0, 1 for a file that cannot be used, 2 for a command that makes no sense */
export function runConfigCommand([action, ...files]: readonly string[]): number {
  try {
    const lines = linesOf(action, files);
    if (!lines) {
      process.stderr.write(CONFIG_HELP);
      return 2;
    }
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function linesOf(action: string | undefined, [first, second]: readonly string[]): readonly string[] | undefined {
  if (action === 'check') return checkConfig(first);
  if (action === 'schema') return [gatewayJsonSchema().trimEnd()];
  if (action !== 'diff' || first === undefined || second === undefined) return undefined;
  const changes = configDiff(snapshotOfFile(first).snapshot, snapshotOfFile(second).snapshot);
  return changes.length > 0 ? changes : ['no difference'];
}
