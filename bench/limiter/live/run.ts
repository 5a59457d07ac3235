import { cpus, loadavg } from 'node:os';
import { Engine } from '../../../test/live/engine.js';
import { GatewayProcess } from '../../../test/support/gateway-process.js';
import { type Figures, figuresOf, OBJECTIVE_MS, spread } from './figures.js';
import { Load } from './load.js';
import { type LiveBenchOptions, readOptions, USAGE } from './options.js';

const BELOW = 0.6;
const OVER = 2;
const BELOW_SECONDS = 30;
const CAPACITY_SECONDS = 15;
const UNBOUNDED = 100_000;

/** What is compared: the limit of the engine's target, and whether requests may wait for it. */
const CONTENDERS = {
  'no limit': { concurrency: { limiter: 'fixed', initial: UNBOUNDED, max: UNBOUNDED }, queue: { enabled: false } },
  'gradient, no queue': { concurrency: { limiter: 'gradient' }, queue: { enabled: false } },
  'gradient, queue': { concurrency: { limiter: 'gradient' }, queue: {} },
} as const;
type Contender = keyof typeof CONTENDERS;
const NAMES = Object.keys(CONTENDERS) as Contender[];

interface Played {
  readonly below: Figures;
  readonly over: Figures;
  readonly limit: number;
}

/** One contender: first what the engine carries easily, by which a limiter learns it, then twice what it can. */
async function play(
  name: Contender,
  engine: Engine,
  { model, seconds }: LiveBenchOptions,
  capacity: number,
  seed: number,
): Promise<Played> {
  const { concurrency, queue } = CONTENDERS[name];
  const gateway = await GatewayProcess.start({
    config: {
      version: 1,
      auth: { anonymous: { enabled: true, models: ['*'] } },
      providers: [
        {
          name: 'engine',
          kind: 'openai',
          baseUrl: `${engine.url}/v1`,
          allowPrivate: true,
          hosting: 'selfHosted',
          probe: { enabled: false },
          timeouts: { firstTokenMs: 300_000, idleMs: 300_000 },
          concurrency,
        },
      ],
      models: [{ name: model, targets: [{ provider: 'engine', model }] }],
      resilience: { queue, shedding: { enabled: false }, breaker: { enabled: false }, maxAttempts: 1 },
    },
    env: { LOG_LEVEL: 'warn' },
  });
  try {
    const load = new Load(`${gateway.publicUrl}/v1/chat/completions`, model, seed);
    const below = figuresOf(await load.arrivals(BELOW * capacity, BELOW_SECONDS), BELOW_SECONDS);
    const over = figuresOf(await load.arrivals(OVER * capacity, seconds), seconds);
    const limit =
      (await gateway.metrics()).get(`gateway_limiter_limit{provider="engine",model="${model}"}`) ?? Number.NaN;
    return { below, over, limit };
  } finally {
    await gateway.stop();
    await engine.until('idle', 120_000);
  }
}

function row(name: string, played: readonly Played[]): string {
  const cells = (figures: readonly Figures[]): string[] => [
    spread(
      figures.map(({ rejected }) => 100 * rejected),
      1,
    ),
    spread(
      figures.map(({ goodputPerSecond }) => goodputPerSecond),
      2,
    ),
    spread(
      figures.map(({ p99TtftMs }) => p99TtftMs / 1_000),
      2,
    ),
  ];
  const [below, over] = [played.map((each) => each.below), played.map((each) => each.over)];
  return `| ${[
    name,
    ...cells(below),
    ...cells(over),
    spread(
      played.map(({ limit }) => limit),
      0,
    ),
  ].join(' | ')} |`;
}

async function run(options: LiveBenchOptions): Promise<void> {
  const engine = await Engine.start(options.command);
  const played = new Map<Contender, Played[]>(NAMES.map((name) => [name, []]));
  const capacities: number[] = [];
  try {
    for (let round = 0; round < options.rounds; round++) {
      // Measured in every round: on a machine with neighbours it is not the same for long.
      const direct = new Load(`${engine.url}/v1/chat/completions`, options.model, round);
      const capacity = await direct.capacity(options.slots, CAPACITY_SECONDS);
      capacities.push(capacity);
      for (const name of NAMES.map((_, at) => NAMES[(at + round) % NAMES.length]!)) {
        const one = await play(name, engine, options, capacity, round);
        played.get(name)!.push(one);
        console.error(
          `round ${round + 1}, capacity ${capacity.toFixed(2)}/s, load average ${loadavg()[0]!.toFixed(1)}: ${row(name, [one])}`,
        );
      }
    }
  } finally {
    await engine.kill();
  }
  console.log(
    `${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`,
  );
  console.log(
    `${options.rounds} rounds; capacity of the engine, answers per second: ${spread(capacities, 2)}; objective: first token within ${OBJECTIVE_MS} ms\n`,
  );
  const phase = (factor: number): string =>
    ['rejected %', 'goodput /s', 'p99 TTFT s'].map((what) => `${factor}x: ${what}`).join(' | ');
  console.log(`| limiter | ${phase(BELOW)} | ${phase(OVER)} | limit at the end |\n|${' --- |'.repeat(8)}`);
  for (const name of NAMES) console.log(row(name, played.get(name)!));
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = 2;
}
