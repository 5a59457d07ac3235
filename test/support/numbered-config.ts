import { stringify } from 'yaml';

const KEY = 'admin-secret-0123456789';

/** The admin key of each numbered file. */
export const NUMBERED_ADMIN = KEY;

/** How many tokens an answer has under the file of this number. */
export function tokensOf(turn: number): number {
  return 3 + (turn % 7);
}

/** A good file whose number shows in every answer twice: in the name of the upstream's model, and in the tokens. */
export function numberedConfig(turn: number): string {
  const names = turn % 3 === 0 ? ['a'] : ['a', 'b'];
  const simulated = { firstTokenMs: 5, tokenMs: 4, tokens: tokensOf(turn), seed: turn };
  return stringify(
    {
      version: 1,
      auth: { anonymous: { enabled: true }, keys: [{ id: 'ops', secret: KEY, role: 'admin' }] },
      providers: names.map((name) => ({ name, kind: 'simulated', simulated })),
      models: [{ name: 'm', targets: names.map((provider) => ({ provider, model: `file-${turn}` })) }],
    },
    { aliasDuplicateObjects: false },
  );
}

/** What one streamed answer says about the file that it was made under. */
export interface NumberedAnswer {
  /** The file's number; undefined where the answer has none, or more than one. */
  readonly turn: number | undefined;
  readonly tokens: number;
  readonly complete: boolean;
}

export function readNumberedAnswer(text: string): NumberedAnswer {
  const payloads = text.split('\n').filter((line) => line.startsWith('data: {'));
  const chunks = payloads.map((line) => JSON.parse(line.slice(6)) as Chunk);
  const models = new Set(chunks.map(({ model }) => model));
  const [only] = models;
  const tokens = chunks.filter(({ choices }) => (choices?.[0]?.delta.content ?? '') !== '').length;
  return {
    turn: models.size === 1 && only !== undefined ? Number(/^file-(\d+)$/.exec(only)?.[1]) : undefined,
    tokens,
    complete: text.trimEnd().endsWith('data: [DONE]'),
  };
}

interface Chunk {
  readonly model?: string;
  readonly choices?: readonly { readonly delta: { readonly content?: string | null } }[];
}
