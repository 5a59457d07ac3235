import { describe, expect, it } from 'vitest';
import { type Answer, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { heldStream } from './held-stream.js';

const chunk = (content: string): string => JSON.stringify({ choices: [{ index: 0, delta: { content } }] });

/** An answer of these batches, which ends as said. */
function answerOf(batches: readonly string[][], failure?: UpstreamFailure): Answer & { reads: number } {
  const [first = [], ...rest] = batches;
  const answer = {
    first: { payloads: first, json: undefined },
    reads: 0,
    next: (): Promise<EventBatch | undefined> => {
      answer.reads++;
      const payloads = rest.shift();
      if (payloads) return Promise.resolve({ payloads, json: undefined });
      return failure ? Promise.reject(failure) : Promise.resolve(undefined);
    },
  };
  return answer;
}

describe('heldStream', () => {
  it('gives the whole answer in one batch once it is complete', async () => {
    const held = await heldStream(answerOf([[chunk('a')], [chunk('b'), chunk('c')]]));
    expect(held.first.payloads).toEqual([chunk('a'), chunk('b'), chunk('c')]);
    expect(await held.next()).toBeUndefined();
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
    expect((await held.next())?.payloads).toEqual([chunk('rest')]);
    expect(await held.next()).toBeUndefined();
  });
});
