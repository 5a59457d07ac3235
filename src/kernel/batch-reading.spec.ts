import { describe, expect, it } from 'vitest';
import { asError, giveBatch, giveEnd, nextBatch, wholeAnswer } from './batch-reading.js';
import { type BatchReader, type EventBatch } from './upstream.js';

const BATCH: EventBatch = { payloads: ['{}'], json: undefined };

/** A reader that notes what it is told, and then fails as long as it has defects. */
function readerOf(...defects: Error[]) {
  const told: (EventBatch | Error | undefined)[] = [];
  const note = (what: EventBatch | Error | undefined): void => {
    told.push(what);
    const defect = defects.shift();
    if (defect) throw defect;
  };
  const reader: BatchReader = { batch: note, end: note };
  return { reader, told };
}

describe('nextBatch', () => {
  it('waits for the batch, the end, or the failure', async () => {
    const failure = new Error('broken');
    const tells = (tell: (reader: BatchReader) => void) => ({
      read: (reader: BatchReader) => queueMicrotask(() => tell(reader)),
    });
    expect(await nextBatch(tells((reader) => reader.batch(BATCH)))).toBe(BATCH);
    expect(await nextBatch(tells((reader) => reader.end(undefined)))).toBeUndefined();
    await expect(nextBatch(tells((reader) => reader.end(failure)))).rejects.toBe(failure);
  });
});

describe('handing over', () => {
  it('gives a batch, or the end', () => {
    const { reader, told } = readerOf();
    giveBatch(reader, BATCH);
    giveEnd(reader, undefined);
    expect(told).toEqual([BATCH, undefined]);
  });

  it('ends a stream with what a layer on the way throws', () => {
    const defect = new Error('defect');
    const inMidStream = readerOf(defect);
    giveBatch(inMidStream.reader, BATCH);
    expect(inMidStream.told).toEqual([BATCH, defect]);
    const atItsEnd = readerOf(defect);
    giveEnd(atItsEnd.reader, undefined);
    expect(atItsEnd.told).toEqual([undefined, defect]);
  });
});

it('asError keeps what is no error as the cause of one', () => {
  const error = new TypeError('x');
  expect(asError(error)).toBe(error);
  expect(asError('text')).toMatchObject({ cause: 'text' });
});

it('a whole answer ends after its first batch', async () => {
  const answer = wholeAnswer(BATCH);
  expect(answer.first).toBe(BATCH);
  expect(await nextBatch(answer)).toBeUndefined();
});
