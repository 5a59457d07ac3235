import { ANSWER_CHECKS } from './answer-checks.js';
import { type Check, Skipped } from './check.js';
import { CONNECTION_CHECKS } from './connection-checks.js';
import { dies, holds, resumes, returns } from './death-checks.js';
import { Engine } from './engine.js';
import { ERROR_CHECKS } from './error-checks.js';
import { Lab, type MidStream } from './lab.js';
import { LEAVING_CHECKS } from './leaving-checks.js';
import { type LiveOptions, readOptions, USAGE } from './options.js';

const ALIVE: readonly Check[] = [...ANSWER_CHECKS, ...ERROR_CHECKS, ...LEAVING_CHECKS, ...CONNECTION_CHECKS];

interface Outcome {
  readonly name: string;
  readonly result: 'PASS' | 'FAIL' | 'SKIP';
  readonly seen: string;
}

/** Tries a check and prints its line of the table. */
async function outcomeOf({ name, run }: Check, lab: Lab): Promise<Outcome> {
  const outcome = await run(lab).then(
    (seen): Outcome => ({ name, result: 'PASS', seen }),
    (error: unknown): Outcome => ({
      name,
      result: error instanceof Skipped ? 'SKIP' : 'FAIL',
      seen: error instanceof Error ? error.message : String(error),
    }),
  );
  console.log(`| ${outcome.result} | ${name} | ${outcome.seen.replaceAll(/\s+/g, ' ').slice(0, 300)} |`);
  return outcome;
}

/** Checks that kill the engine; each with a gateway of its own, for each looks at another way to take the loss. */
function deaths(options: LiveOptions, engine: Engine, second: () => Promise<Engine>): readonly Check[] {
  const afresh = async (midStream: MidStream, run: (lab: Lab) => Promise<string>, twin?: Engine): Promise<string> => {
    if (!(await engine.isHealthy())) await engine.restart();
    const lab = await Lab.start(options, engine, midStream, twin);
    try {
      return await run(lab);
    } finally {
      await lab.stop();
    }
  };
  return [
    { name: 'engine killed in mid-stream: error event, failover', run: dies },
    { name: 'engine started again', run: returns },
    { name: 'engine killed, midStream: resume', run: async () => afresh('resume', resumes, await second()) },
    { name: 'engine killed, midStream: hold', run: async () => afresh('hold', holds, await second()) },
  ];
}

async function runAll(options: LiveOptions): Promise<readonly Outcome[]> {
  const { command, url, only } = options;
  const engine = command === undefined ? Engine.at(url ?? '') : await Engine.start(command);
  let twin: Promise<Engine> | undefined;
  const second = (): Promise<Engine> => (twin ??= Engine.start(command ?? ''));
  const checks = [...ALIVE, ...(engine.isOurs ? deaths(options, engine, second) : [])];
  const lab = await Lab.start(options, engine);
  const outcomes: Outcome[] = [];
  console.log('| result | check | seen |\n| --- | --- | --- |');
  try {
    for (const check of checks) {
      if (only === undefined || check.name.includes(only)) outcomes.push(await outcomeOf(check, lab));
    }
  } finally {
    await lab.stop();
    await engine.kill();
    await (await twin)?.kill();
  }
  return outcomes;
}

try {
  const outcomes = await runAll(readOptions(process.argv.slice(2)));
  const count = (result: Outcome['result']): number => outcomes.filter((each) => each.result === result).length;
  console.log(`\n${count('PASS')} passed, ${count('FAIL')} failed, ${count('SKIP')} skipped`);
  process.exitCode = count('FAIL') > 0 || outcomes.length === 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = 2;
}
