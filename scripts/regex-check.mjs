// npm run regex:check: every regular expression of the source, on texts that grow: none may take time that grows
// faster than its text. Prints the worst; fails on those that do.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const SHORT = 12_500;
const LONG = 8 * SHORT;
/** Eight times the text: eight times the time of a linear search, 64 times that of a quadratic one. */
const GROWTH = 24;
/** Faster than this on the long text is fast enough, whatever the clock says of its growth, ms of CPU. */
const FAST_MS = 100;

const found = new Map();
for (const name of readdirSync('src', { recursive: true })) {
  if (!/\.tsx?$/.test(name) || /\.(spec|suite)\.tsx?$/.test(name)) continue;
  const file = join('src', name);
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const visit = (node) => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      found.set(node.text, { file, regex: new RegExp(node.text.slice(1, end), node.text.slice(end + 1)) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** Units that a pattern may choke on: its own literal characters, and the usual suspects, alone and in pairs. */
function unitsOf(pattern) {
  const own = [...new Set(pattern.replace(/\\[a-z]/gi, '').match(/[\w:/@."'-]/g) ?? [])].slice(0, 10);
  const base = [...new Set([...own, 'a', '0', ' ', '.', ':', '"', '\\', '\n', '-', 'é'])];
  return [...base, ...base.flatMap((one) => ['a', ' ', '.'].map((other) => one + other)), pattern.slice(0, 12)];
}

/** CPU time: other processes do not count. */
function milliseconds(regex, text) {
  const began = process.cpuUsage();
  text.replace(regex, '');
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}

let worst = { ms: 0, name: '' };
const slow = new Set();
for (const [name, { file, regex }] of found) {
  for (const unit of unitsOf(regex.source)) {
    for (const [before, after] of [
      ['', ''],
      ['a', '\0'],
      ['"', '!'],
    ]) {
      const text = (length) => before + unit.repeat(Math.ceil(length / unit.length)) + after;
      const ms = milliseconds(regex, text(LONG));
      if (ms > worst.ms) worst = { ms, name: `${file} ${name}` };
      if (ms > FAST_MS && ms > GROWTH * milliseconds(regex, text(SHORT))) {
        slow.add(`${file} ${name} on ${JSON.stringify(unit)}: ${ms.toFixed(0)} ms for ${LONG} characters`);
      }
    }
  }
}
console.log(
  `${found.size} expressions; the slowest takes ${worst.ms.toFixed(1)} ms for ${LONG} characters: ${worst.name}`,
);
for (const line of slow) console.log(`FAILED: ${line}`);
process.exit(slow.size > 0 ? 1 : 0);
