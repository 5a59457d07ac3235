import { checkConfig } from './config/config-check.js';
import { ConfigError } from './config/config-error.js';

/** `npm run config:check -- FILE`: `ok: …` and exit 0, or one line per problem and exit 1. */
try {
  process.stdout.write(`${checkConfig(process.argv[2]).join('\n')}\n`);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
