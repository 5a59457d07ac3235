import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.js';
import { loadEnvironment } from '../config/env.js';
import { playGameday } from '../gameday/play.js';
import { writeReport } from '../gameday/report.js';
import { parseScenario } from '../gameday/scenario.js';
import { readScenario, shippedScenarios } from '../gameday/scenario-file.js';

/** Told by `--help`. */
export function gamedayHelp(): string {
  return `sre-gateway gameday SCENARIO [--out DIR] [--check]

Plays a game day: starts a gateway, simulated upstreams and, where the scenario has one, a Redis, as processes of their
own on free loopback ports; sends requests; does to them what the scenario says, and holds its objectives against what
callers saw. Nothing outside these processes is touched.

SCENARIO is a YAML file, or one of:
  ${shippedScenarios().join('\n  ')}

  --out DIR   where report.md, its graphs and result.json go   (.cache/gamedays/SCENARIO)
  --check     read the scenario, say what is wrong with it, and play nothing

Exit code: 0 all objectives kept, 1 one was missed, 2 the scenario cannot be played.

  sre-gateway gameday provider-killed
`;
}

/** @returns the exit code */
export async function runGamedayCommand(given: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...given],
      allowPositionals: true,
      options: { out: { type: 'string' }, check: { type: 'boolean', default: false } },
    });
    const [wanted, ...more] = positionals;
    if (wanted === undefined || more.length > 0) return fail(gamedayHelp());
    return await play(wanted, values);
  } catch (error) {
    if (error instanceof ConfigError) return fail(`${error.problems.join('\n')}\n`);
    if (error instanceof Error) return fail(`${error.message}\n`);
    throw error;
  }
}

async function play(
  wanted: string,
  options: { readonly out?: string | undefined; readonly check: boolean },
): Promise<number> {
  const { name, text } = readScenario(wanted);
  const scenario = parseScenario(text);
  if (options.check) return say(`ok: ${name}, ${scenario.durationMs / 1_000} s, ${scenario.script.length} steps\n`, 0);
  say(`${name}: ${scenario.title} (${scenario.durationMs / 1_000} s)\n`, 0);
  const result = await playGameday(name, scenario, loadEnvironment().lookup('PATH') ?? '');
  const folder = options.out ?? join('.cache', 'gamedays', name);
  writeReport(folder, result);
  for (const { kept, objective, found } of result.verdicts) {
    say(`  ${kept ? 'kept  ' : 'MISSED'}  ${objective}: ${found}\n`, 0);
  }
  return say(`report: ${join(folder, 'report.md')}\n`, result.verdicts.every(({ kept }) => kept) ? 0 : 1);
}

function say(words: string, code: number): number {
  process.stdout.write(words);
  return code;
}

function fail(words: string): number {
  process.stderr.write(words);
  return 2;
}
