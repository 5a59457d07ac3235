import { fuzzFilter } from './filter-fuzz.js';

/** The long form: `npx tsc -p tsconfig.json --outDir .cache/fuzz && node .cache/fuzz/test/fuzz/matcher.fuzz.js [cases] [seed]`. */
const [cases = '1000000', seed = '1'] = process.argv.slice(2);
const started = performance.now();
const result = fuzzFilter(Number(cases), Number(seed));
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `${result.cases} cases agree with the naive filter, ${result.matched} of them with a match, in ${seconds} s`,
);
