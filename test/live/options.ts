import { parseArgs } from 'node:util';

/** Whose wire format and metrics the engine has: `openai` for llama-server. */
export type EngineKind = 'openai' | 'vllm';

export interface LiveOptions {
  /** An engine that runs already; undefined: `command` starts one. */
  readonly url: string | undefined;
  /** Starts an engine; `{port}` stands for the port that it shall listen on. */
  readonly command: string | undefined;
  readonly model: string;
  readonly kind: EngineKind;
  /** Part of a check's name; undefined: all of them. */
  readonly only: string | undefined;
}

export const USAGE = `npm run live -- --url URL | --engine 'COMMAND with {port}' [--model tiny] [--kind openai|vllm] [--only TEXT]`;

/** @throws TypeError for arguments that make no run */
export function readOptions(args: readonly string[]): LiveOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: 'string' },
      engine: { type: 'string' },
      model: { type: 'string', default: 'tiny' },
      kind: { type: 'string', default: 'openai' },
      only: { type: 'string' },
    },
  });
  const { url, engine, model, kind, only } = values;
  if ((url === undefined) === (engine === undefined)) throw new TypeError('one of --url and --engine is needed');
  if (engine?.includes('{port}') === false) throw new TypeError('--engine needs {port} in its command');
  if (kind !== 'openai' && kind !== 'vllm') throw new TypeError(`--kind is openai or vllm, not ${kind}`);
  return { url, command: engine, model, kind, only };
}
