import { describe, expect, it } from 'vitest';
import { nextBatch } from '../kernel/batch-reading.js';
import { type Answer, type BatchReader, UpstreamFailure } from '../kernel/upstream.js';
import { heldStream } from './held-stream.js';

const chunk = (content: string): string => JSON.stringify({ choices: [{ index: 0, delta: { content } }] });

/** An answer of these batches, which ends as said. */
function answerOf(batches: readonly string[][], failure?: UpstreamFailure): Answer & { reads: number } {
  const [first = [], ...rest] = batches;
  const answer = {
    first: { payloads: first, json: undefined },
    reads: 0,
    read: (reader: BatchReader): void => {
      answer.reads++;
      const payloads = rest.shift();
      if (payloads) reader.batch({ payloads, json: undefined });
      else reader.end(failure);
    },
  };
  return answer;
}

describe('heldStream', () => {
  it('gives the whole answer in one batch once it is complete', async () => {
    const held = await heldStream(answerOf([[chunk('a')], [chunk('b'), chunk('c')]]));
    expect(held.first.payloads).toEqual([chunk('a'), chunk('b'), chunk('c')]);
    expect(await nextBatch(held)).toBeUndefined();
  });

  it('fails as the upstream did, or where a part cannot be read', async () => {
    const reset = new UpstreamFailure('fault', 'reset', 'same');
    await expect(heldStream(answerOf([[chunk('a')]], reset))).rejects.toBe(reset);
    await expect(heldStream(answerOf([[chunk('a')], ['{"cho']]))).rejects.toMatchObject({ reason: 'malformed' });
  });

  it('holds 4 MiB at most: what is longer goes out, and the rest as it comes', async () => {
    const large = chunk('x'.repeat(1024 * 1024));
    const answer = answerOf([[large], [large], [large], [large], [chunk('rest')]]);
    const held = await heldStream(answer);
    expect(held.first.payloads).toHaveLength(4);
    expect(answer.reads).toBe(3);
    expect((await nextBatch(held))?.payloads).toEqual([chunk('rest')]);
    expect(await nextBatch(held)).toBeUndefined();
  });
});
