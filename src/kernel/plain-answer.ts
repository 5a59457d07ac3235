/** A plain (not streamed) answer in OpenAI's format, as JSON ready to send: text where it is short, bytes where it is long. */
export type PlainAnswer = string | Buffer;

/**
 * An answer up to this size is text, and leaves in one write with its headers. A longer one stays bytes: text lies in V8's
 * heap for as long as the caller takes to read it.
 */
export const SHORT_ANSWER_BYTES = 8 * 1024;

/** The answer that `json` is: short where it has no more UTF-16 units than a short one has bytes. */
export function plainAnswerOf(json: string): PlainAnswer {
  return json.length <= SHORT_ANSWER_BYTES ? json : Buffer.from(json);
}
