// npm run fuzz -- --seconds N [--seed S]: bytes from outside, changed at random; fails with the case that broke a rule.
import { equal } from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fuzzAnswers, fuzzBody, fuzzEvents, fuzzFile } from './parsers.mjs';
import { random } from './random.mjs';
import { startWire } from './wire.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
const PARALLEL = 8;
/** Parsers run this long between turns of the event loop, ms. */
const SLICE_MS = 20;
const builtIn = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
const counts = { body: 0, events: 0, answers: 0, file: 0, wire: 0 };

function fail(kind, caseSeed, error) {
  console.error(`FAILED: ${kind}, --seed ${caseSeed}\n${error instanceof Error ? error.stack : String(error)}`);
  process.exit(1);
}
process.on('unhandledRejection', (error) => fail('unhandled rejection', seed, error));

console.log(`fuzzing for ${seconds} s, --seed ${seed}`);
const wire = await startWire(random(seed));
const end = performance.now() + seconds * 1_000;

const parsers = async () => {
  const kinds = { body: fuzzBody, events: fuzzEvents, answers: fuzzAnswers, file: fuzzFile };
  for (let number = seed; performance.now() < end;) {
    const until = performance.now() + SLICE_MS;
    for (; performance.now() < until; number++) {
      const kind = ['body', 'body', 'events', 'answers', 'file'][number % 5];
      try {
        kinds[kind](random(number));
        equal(JSON.stringify(Object.getOwnPropertyNames(Object.prototype)), builtIn);
      } catch (error) {
        fail(kind, number, error);
      }
      counts[kind]++;
    }
    await setImmediate();
  }
};
const callers = async () => {
  while (performance.now() < end) {
    await wire.turn().catch((error) => fail('wire', seed, error));
    counts.wire++;
  }
};
await Promise.all([parsers(), ...Array.from({ length: PARALLEL }, callers)]);
await wire.finish().catch((error) => fail('wire', seed, error));
console.log(
  Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', '),
  'cases, no rule broken',
);
process.exit(0);
