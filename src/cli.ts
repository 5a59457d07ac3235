import { runConfigCommand, CONFIG_HELP } from './cli/config-command.js';
import { gamedayHelp, runGamedayCommand } from './cli/gameday-command.js';
import { CommandError } from './cli/operations-client.js';
import { runStatusCommand, STATUS_HELP } from './cli/status-command.js';
import { runUsageCommand, USAGE_HELP } from './cli/usage-command.js';

const HELP = `sre-gateway COMMAND [--help]

  start                   start the gateway: settings come from the environment and from CONFIG_PATH
  config check [FILE]     would a start accept this file? starts nothing
  config diff A B         what changes from one file to the other, in words
  config schema           JSON Schema of the file, for editors
  keys create             a new API key and its digest, shown once
  keys digest KEY         the digest of a key that exists
  gameday SCENARIO        play an outage against a gateway of its own, and report
  simulate                a simulated upstream over HTTP, to try failures with
  status [URL]            targets, breakers and load of a running gateway
  usage [URL]             what keys, teams and orgs have used of their limits and budgets

Begin with:    sre-gateway config check && sre-gateway start
Then look at:  http://localhost:9090/console   with the key of an admin
`;

const START_HELP = `sre-gateway start

Starts the gateway in the foreground. SIGTERM drains and ends it, SIGHUP reads the file again.

  PORT=8000 CONFIG_PATH=config/gateway.yaml sre-gateway start

All variables and members of the file: docs/CONFIGURATION.md
`;

async function run(command: string | undefined, given: readonly string[]): Promise<number | undefined> {
  const help = given.includes('--help') || given.includes('-h');
  switch (command) {
    case 'start':
      if (help) return say(START_HELP);
      await import('./main.js');
      return undefined;
    case 'config':
      return help ? say(CONFIG_HELP) : runConfigCommand(given);
    case 'keys':
      // It reads its own arguments, as if it had been called alone.
      process.argv.splice(2, 1);
      await import('./cli.keys.js');
      return undefined;
    case 'gameday':
      return help ? say(gamedayHelp()) : playAndExit(given);
    case 'simulate':
      process.argv.splice(2, 1);
      await import('./cli.simulate.js');
      return undefined;
    case 'status':
      return help ? say(STATUS_HELP) : runStatusCommand(given);
    case 'usage':
      return help ? say(USAGE_HELP) : runUsageCommand(given);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      return say(HELP);
    default:
      process.stderr.write(`There is no command ${JSON.stringify(command)}.\n\n${HELP}`);
      return 2;
  }
}

/** Requests of a game day that was broken off may still wait for an answer: nobody else does. */
async function playAndExit(given: readonly string[]): Promise<never> {
  process.exit(await runGamedayCommand(given));
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  const code = await run(process.argv[2], process.argv.slice(3));
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
