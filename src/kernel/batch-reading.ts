import { type Answer, type BatchReader, type EventBatch } from './upstream.js';

/**
 * The next batch, or undefined after a complete answer: for whoever waits for few of them.
 * @throws what broke the stream
 */
export function nextBatch(answer: Pick<Answer, 'read'>): Promise<EventBatch | undefined> {
  return new Promise((resolve, reject) => {
    answer.read({
      batch: resolve,
      end: (failure) => {
        if (failure) reject(failure);
        else resolve(undefined);
      },
    });
  });
}

/** Hands a batch to a reader. What a layer on the way throws ends the stream. */
export function giveBatch(reader: BatchReader, batch: EventBatch): void {
  try {
    reader.batch(batch);
  } catch (error) {
    reader.end(asError(error));
  }
}

/** Tells a reader of the end. What a layer on the way throws is told instead: to that layer, it is a second end. */
export function giveEnd(reader: BatchReader, failure: Error | undefined): void {
  try {
    reader.end(failure);
  } catch (error) {
    reader.end(asError(error));
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('something that is no error was thrown', { cause: thrown });
}

/** An answer that is all in its first batch. */
export function wholeAnswer(first: EventBatch): Answer {
  return { first, read: (reader) => reader.end(undefined) };
}
