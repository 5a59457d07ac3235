interface ToolUse {
  readonly id?: unknown;
  readonly name?: unknown;
  readonly input?: unknown;
}

interface OpenBlock {
  /** The call's number among the calls of the answer; blocks count texts, too. */
  readonly call: number;
  readonly input: unknown;
  started: boolean;
}

/** The tool_use blocks of one stream, as JSON texts of OpenAI's deltas; undefined = nothing to tell. */
export class ToolBlocks {
  readonly #open = new Map<unknown, OpenBlock>();
  #calls = 0;

  /** @param legacy the caller expects `function_call` instead of `tool_calls` */
  constructor(private readonly legacy: boolean) {}

  start(index: unknown, { id, name, input }: ToolUse): string | undefined {
    const call = this.#calls++;
    // There is room for one `function_call`; a second one would be glued to it.
    if (this.legacy && call > 0) return undefined;
    this.#open.set(index, { call, input, started: false });
    const fn = { name, arguments: '' };
    return this.legacy
      ? JSON.stringify({ function_call: fn })
      : JSON.stringify({ tool_calls: [{ index: call, id, type: 'function', function: fn }] });
  }

  delta(index: unknown, json: unknown): string | undefined {
    const block = this.#open.get(index);
    if (!block || typeof json !== 'string' || json === '') return undefined;
    block.started = true;
    return this.#arguments(block, json);
  }

  /** A call without arguments streams none at all; callers parse what they get, so they get an object. */
  stop(index: unknown): string | undefined {
    const block = this.#open.get(index);
    this.#open.delete(index);
    return block && !block.started ? this.#arguments(block, JSON.stringify(block.input ?? {})) : undefined;
  }

  #arguments({ call }: OpenBlock, json: string): string {
    const text = JSON.stringify(json);
    return this.legacy
      ? `{"function_call":{"arguments":${text}}}`
      : `{"tool_calls":[{"index":${call},"function":{"arguments":${text}}}]}`;
  }
}
