import { parseArgs } from 'node:util';
import { askOperations, CommandError } from './operations-client.js';
import { textTable } from './text-table.js';

export const USAGE_HELP = `sre-gateway usage [--by key|team|org] [URL]

Shows what keys, teams or orgs have used of their limits and budgets, from a running gateway's operations listener.
An admin key must be in GATEWAY_ADMIN_KEY:

  GATEWAY_ADMIN_KEY=... sre-gateway usage --by org http://localhost:9090
`;

const MINUTE_MS = 60_000;
const HOLDERS = ['key', 'team', 'org'];

interface Level {
  /** A minute's allowance. */
  readonly limit: number;
  /** What may be taken at once now. */
  readonly remaining: number;
  /** Until what was taken has grown back. */
  readonly resetMs: number;
}

interface Budget {
  readonly scope: string;
  readonly window: string;
  readonly limitUsd: string;
  readonly spentUsd: string;
  readonly reservedUsd: string;
  readonly resetsAt: string;
}

interface Entry {
  readonly key?: string;
  readonly team?: string | null;
  readonly org: string;
  readonly requests?: Level | null;
  readonly tokens?: Level | null;
  readonly budgets: readonly Budget[];
}

/** @throws CommandError */
export async function runUsageCommand(given: readonly string[]): Promise<number> {
  const { by, url } = argumentsOf(given);
  const { entries } = await askOperations<{ entries: Entry[] }>(`/admin/usage?by=${by}`, url);
  const head = [by, ...(by === 'org' ? [] : ['org']), 'limit', 'used', 'of', 'held', 'resets'];
  const rows = entries.flatMap((entry) => {
    const names = by === 'org' ? [entry.org] : [(by === 'key' ? entry.key : entry.team) ?? '-', entry.org];
    const limits = limitsOf(entry);
    return (limits.length > 0 ? limits : [['none']]).map((cells) => [...names, ...cells]);
  });
  process.stdout.write(rows.length > 0 ? textTable([head, ...rows]) : `No ${by} is configured.\n`);
  return 0;
}

function argumentsOf(given: readonly string[]): { readonly by: string; readonly url: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      args: [...given],
      options: { by: { type: 'string', default: 'key' } },
      allowPositionals: true,
    });
    if (!HOLDERS.includes(values.by)) throw new CommandError(`--by takes one of ${HOLDERS.join(', ')}.`);
    return { by: values.by, url: positionals[0] };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
}

function limitsOf({ requests, tokens, budgets }: Entry): string[][] {
  return [
    ...rateOf('requests', requests),
    ...rateOf('tokens', tokens),
    ...budgets.map(({ scope, window, limitUsd, spentUsd, reservedUsd, resetsAt }) => [
      `budget ${scope} ${window}`,
      `$${spentUsd}`,
      `$${limitUsd}`,
      `$${reservedUsd}`,
      resetsAt,
    ]),
  ];
}

/** What was taken and has not grown back, of what may be taken at once. */
function rateOf(name: string, level: Level | null | undefined): string[][] {
  if (!level) return [];
  const taken = Math.round((level.resetMs * level.limit) / MINUTE_MS);
  return [[`${name} ${level.limit}/min`, String(taken), String(taken + level.remaining)]];
}
