import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LEGS } from './legs.mjs';
import { NODE_FLAGS } from './processes.mjs';
import { GROUPS, WORKLOADS } from './workloads.mjs';

const FULL = { rounds: 5, requests: WORKLOADS.json.requests, openStreams: 1_000 };
/** The first is what happens unasked. */
const QUOTAS = ['memory', 'redis', 'off'];
const SHORT = { rounds: 3, requests: 5_000, openStreams: 0 };

/** What takes part without being named. */
const unasked = (known) => Object.keys(known).filter((name) => !known[name].onRequest);

const list = (entries, text) =>
  Object.entries(entries)
    .map(([name, entry]) => `    ${name.padEnd(9)} ${text(entry)}`)
    .join('\n');

export const HELP = `npm run bench -- [options]

Compares what one request costs in this gateway and in plain relays: CPU time of the process under test divided by
requests, each leg once per round, and each figure as a ratio to the bare relay's in the same round. Absolute times
depend on the machine; ratios hardly do. Build first (npm run build) to have the gateway take part.

  --legs A,B          which legs (default: all that can run here but those on request; bare is always
                      there, it is the unit)
${list(LEGS, (leg) => (leg.onRequest ? `on request: ${leg.about}` : leg.about))}
  --workloads A,B     which workloads (default: ${unasked(WORKLOADS).join(', ')})
${list(WORKLOADS, (workload) => workload.title)}
${list(GROUPS, (group) => group.title)}
  --body 1mb          the workload with a prompt of 1 MB alone, the same as --workloads 1mb
  --processes N       in place of rounds: N fresh processes of each leg in turn, one alive at a time, and the mean of what
                      they cost. Tells differences of a twentieth, which rounds with one process of each cannot
  --rounds N          rounds of A B C A B C … (default ${FULL.rounds}); more rounds, narrower spread
  --requests N        JSON requests per leg and round (default ${FULL.requests}); the other workloads scale with it
  --open-streams N    also memory per open stream, with N open ones (default ${FULL.openStreams}; 0: leave out)
  --slow-streams N    also N open streams of one event a second each, say 5000: memory beyond the bare relay's, and how
                      long events are under way (default 0: leave out)
  --short             ${SHORT.rounds} rounds of ${SHORT.requests} requests, no memory part: about a minute, for a first look and CI
  --quota off         the gateway's key without limits and budgets; memory: the embedded store (default);
                      redis: a redis-server of its own on the upstream's core
  --peers FOLDER      where portkey and litellm are installed: FOLDER/node_modules/@portkey-ai/gateway, and a virtual
                      environment with FOLDER/bin/litellm; or set PORTKEY_BIN to its start-server.js, LITELLM_BIN to
                      its program. The bench installs neither
  --node-flags="…"    flags of every Node leg alike (default "${NODE_FLAGS.join(' ')}",
                      as \`npm start\` has it)
  --json FILE         write every round's figures, the machine and the options to FILE
  --baseline FILE     a FILE of --json from before: exit 1 if the gateway's median ratio grew by more than 40 %
  --help              this text

Examples
  npm run bench -- --short                          a first look
  npm run bench -- --legs gateway --workloads json  how a change moved the JSON path
  npm run bench -- --legs gateway,unlimited --workloads json --processes 7   what quotas cost
  npm run bench -- --rounds 9 --json bench.json     figures to publish: do nothing else on the machine meanwhile

The process under test has core 0 for itself, upstream and load share core 1 (with taskset, on two cores or more).
Exit code: 0 done · 1 a leg answered wrongly, a layer of the gateway was off, or it got slower than the baseline
allows · 2 wrong option or a system without /proc.
`;

export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions(args) {
  const { values } = parse(args);
  if (values.help) return { help: true };
  const size = values.short ? SHORT : FULL;
  const group = GROUPS[values.workloads];
  const workloads = values.body ? [values.body] : (group?.workloads ?? names(values.workloads, WORKLOADS, 'workload'));
  if (values.body && values.body !== '1mb') throw new UsageError(`--body: found ${values.body}, allowed is 1mb`);
  const inRounds = ['baseline', 'rounds', 'short', 'open-streams', 'slow-streams'].find((name) => values[name]);
  if (values.processes && inRounds) throw new UsageError(`--${inRounds}: does not go with --processes`);
  if (values.processes && group) throw new UsageError(`--workloads ${values.workloads}: does not go with --processes`);
  return {
    legs: names(values.legs ?? group?.legs.join(','), LEGS, 'leg'),
    legsAreChosen: values.legs !== undefined,
    workloads,
    stalls: group !== undefined,
    processes: whole(values.processes, 'processes', 0, 0),
    rounds: whole(values.rounds, 'rounds', size.rounds, 1),
    requests: whole(values.requests, 'requests', size.requests, 100),
    openStreams: whole(values['open-streams'], 'open-streams', workloads.length === 0 ? 0 : size.openStreams, 0),
    slowStreams: whole(values['slow-streams'], 'slow-streams', 0, 0),
    quota: oneOf(values.quota, QUOTAS, 'quota'),
    nodeFlags: values['node-flags']?.split(' ').filter(Boolean) ?? NODE_FLAGS,
    // Legs start in folders of their own.
    peers: values.peers === undefined ? undefined : resolve(values.peers),
    json: values.json,
    baseline: values.baseline,
  };
}

function parse(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    return parseArgs({
      args,
      options: {
        ...{
          legs: text,
          workloads: text,
          body: text,
          processes: text,
          rounds: text,
          requests: text,
          'open-streams': text,
          'slow-streams': text,
        },
        ...{ quota: text, 'node-flags': text, json: text, baseline: text, peers: text, short: flag, help: flag },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function names(text, known, what) {
  const all = Object.keys(known);
  const chosen = text === undefined ? unasked(known) : text.split(',').map((name) => name.trim());
  const unknown = chosen.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new UsageError(`--${what}s: unknown ${what} "${unknown}", known: ${all.join(', ')}`);
  return all.filter((name) => chosen.includes(name));
}

function oneOf(text, [standard, ...others], name) {
  const all = [standard, ...others];
  if (text !== undefined && !all.includes(text)) {
    throw new UsageError(`--${name}: found ${text}, allowed is one of ${all.join(', ')}`);
  }
  return text ?? standard;
}

function whole(text, name, standard, min) {
  if (text === undefined) return standard;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min) {
    throw new UsageError(`--${name}: found ${text}, allowed is a whole number of ${min} or more`);
  }
  return value;
}
