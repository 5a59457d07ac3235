import { jsonText } from '../kernel/json-text.js';
import { isObject, type JsonObject } from './text-fields.js';

/** Stands for the text in a frame: nothing else in a chunk may be written like it. */
const MARK = 'gap\u0000of\u0000frame';
const WRITTEN_MARK = JSON.stringify(MARK).slice(1, -1);
/** In a JSON string these stand for something else, or may not stand. */
// eslint-disable-next-line no-control-regex -- what JSON forbids in a string
const NOT_PLAIN = /["\\\u0000-\u001f]/;

/**
 * What the chunks of a stream have in common: all bytes but those of the one text that they carry. A chunk in a known
 * frame is read and written without parsing the rest of it again, which is most of its cost.
 */
export class ChunkFrame {
  private constructor(
    private readonly head: string,
    private readonly tail: string,
    private readonly chunk: JsonObject,
    /** The chunk's only choice. */
    private readonly entry: JsonObject,
  ) {}

  /**
   * The frame of a chunk that says nothing but one piece of one choice's content; undefined for any other, and where
   * the upstream writes JSON otherwise than we do: a name twice, say, has no place in a frame.
   */
  static of(payload: string, chunk: JsonObject): ChunkFrame | undefined {
    if (contentOf(chunk) === undefined) return undefined;
    const [entry] = chunk.choices as [JsonObject];
    const template = jsonText({ ...chunk, choices: [{ ...entry, delta: { content: MARK } }] });
    const [head = '', tail = '', ...more] = template.split(WRITTEN_MARK);
    if (more.length > 0) return undefined;
    const frame = new ChunkFrame(head, tail, chunk, entry);
    return frame.read(payload) && frame;
  }

  /** The chunk that a payload holds, until the next one is read; undefined where it has another frame, or is no JSON. */
  read(payload: string): JsonObject | undefined {
    const { head, tail, chunk, entry } = this;
    if (payload.length < head.length + tail.length || !payload.startsWith(head) || !payload.endsWith(tail)) {
      return undefined;
    }
    const content = unwritten(payload.slice(head.length, payload.length - tail.length));
    if (content === undefined) return undefined;
    entry.delta = { content };
    return chunk;
  }

  /** A chunk that was read here as a payload, where its content is all that may have changed; undefined elsewhere. */
  write(changed: JsonObject): string | undefined {
    const text = contentOf(changed);
    return text === undefined ? undefined : this.head + JSON.stringify(text).slice(1, -1) + this.tail;
  }
}

/** The text of a chunk that carries nothing else. */
function contentOf({ choices, usage }: JsonObject): string | undefined {
  if (!Array.isArray(choices) || choices.length !== 1 || isObject(usage)) return undefined;
  const entry: unknown = choices[0];
  if (!isObject(entry) || !isObject(entry.delta) || isSaid(entry.finish_reason) || isSaid(entry.logprobs)) {
    return undefined;
  }
  const { content } = entry.delta;
  return typeof content === 'string' && Object.keys(entry.delta).length === 1 ? content : undefined;
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The text that a JSON string holds between its quotes; undefined where that is no JSON string. */
function unwritten(inner: string): string | undefined {
  if (!NOT_PLAIN.test(inner)) return inner;
  try {
    return JSON.parse(`"${inner}"`) as string;
  } catch {
    return undefined;
  }
}
