import { renameSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { type GatewayProcess } from './gateway-process.js';

const provider = (name: string, weight: number): object => ({
  name,
  kind: 'simulated',
  weight,
  simulated: { firstTokenMs: 2, tokenMs: 1, tokens: 4 },
});
const model = (...providers: string[]): object => ({
  name: 'm',
  targets: providers.map((name) => ({ provider: name, model: 'x' })),
});

/** A good file; each number gives another. */
export function goodConfig(turn: number): Record<string, unknown> {
  const names = turn % 3 === 0 ? ['a'] : ['a', 'b'];
  return { version: 1, providers: names.map((name) => provider(name, 1 + turn)), models: [model(...names)] };
}

/** Ten ways for a file to be no good. */
export const BAD_CONFIGS: readonly string[] = [
  '',
  'version: 1\n',
  'version: 2\nproviders: []\nmodels: []\n',
  '{ "version": 1, "provid',
  'providers: [[[\n',
  stringify({ ...goodConfig(1), surplus: true }),
  stringify({ ...goodConfig(1), models: [model('nobody')] }),
  stringify({ ...goodConfig(1), providers: [provider('a', -1)] }),
  stringify({ ...goodConfig(1), auth: { keys: [{ id: 'k', secret: '${env:NOT_SET_ANYWHERE}' }] } }),
  stringify({ ...goodConfig(1), providers: [{ name: 'a', kind: 'unheard-of' }] }),
];

export interface ReloadResult {
  readonly requests: number;
  /** What callers saw that was no complete answer. */
  readonly errors: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Replaces the file `reloads` times, every second time by a bad one, while callers ask without a pause. */
export async function reloadUnderLoad(
  gateway: GatewayProcess,
  path: string,
  { reloads, callers }: { readonly reloads: number; readonly callers: number },
): Promise<ReloadResult> {
  const errors: string[] = [];
  let requests = 0;
  let running = true;
  const caller = async (): Promise<void> => {
    while (running) {
      requests++;
      const problem = await ask(gateway).catch((error: unknown) => String(error));
      if (problem !== undefined) errors.push(problem);
    }
  };
  const all = Array.from({ length: callers }, caller);
  for (let turn = 1; turn <= reloads; turn++) {
    const bad = BAD_CONFIGS[(turn >> 1) % BAD_CONFIGS.length] ?? '';
    writeFileSync(`${path}.new`, turn % 2 === 0 ? bad : stringify(goodConfig(turn)));
    renameSync(`${path}.new`, path);
    const told = outcomeCount(gateway);
    // The watcher gathers changes that follow closely; the signal takes each.
    gateway.child.kill('SIGHUP');
    await gateway.until(() => outcomeCount(gateway) > told);
  }
  running = false;
  await Promise.all(all);
  return { requests, errors, outcomes: outcomesOf(gateway) };
}

async function ask(gateway: GatewayProcess): Promise<string | undefined> {
  const response = await gateway.post({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] });
  const text = await response.text();
  return response.status === 200 && text.trimEnd().endsWith('data: [DONE]') ? undefined : `${response.status} ${text}`;
}

function outcomeCount(gateway: GatewayProcess): number {
  return Object.values(outcomesOf(gateway)).reduce((sum, count) => sum + count, 0);
}

function outcomesOf(gateway: GatewayProcess): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const { msg } of gateway.log) {
    if (typeof msg === 'string' && msg.startsWith('configuration ')) outcomes[msg] = (outcomes[msg] ?? 0) + 1;
  }
  return outcomes;
}
