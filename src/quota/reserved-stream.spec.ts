import { describe, expect, it } from 'vitest';
import { answeredBy, aRequestContext } from '../../test/support/request-context.js';
import { targetOf } from '../../test/support/target.js';
import { nextBatch } from '../kernel/batch-reading.js';
import { type Answer, type AnswerFacts, type EventBatch, type UpstreamFailure } from '../kernel/upstream.js';
import { reservedStream } from './reserved-stream.js';

const RESERVED = 100;
const chunk = (index: number) =>
  JSON.stringify({
    id: 'c-1',
    object: 'chat.completion.chunk',
    model: 'm',
    choices: [{ index, delta: { content: 'x' } }],
  });

/** A stream of endless batches, each of which changes the facts by `grow`. */
function stream(grow: (facts: AnswerFacts) => void, choices = 1) {
  const ctx = aRequestContext({ body: { stream: true, n: choices } });
  const { facts } = answeredBy(ctx, targetOf('openai'), { content: true });
  const aborted: UpstreamFailure[] = [];
  ctx.abortBy((failure) => aborted.push(failure));
  ctx.reservedOutputTokens = RESERVED;
  const batch = (): EventBatch => {
    grow(facts!);
    return { payloads: [chunk(0)], json: undefined };
  };
  const first = { payloads: [chunk(0)], json: undefined };
  const answer: Answer = { first, read: (reader) => reader.batch(batch()) };
  return { ctx, answer, aborted, facts: facts! };
}

async function read(answer: Answer, most = 1000): Promise<string[]> {
  const payloads = [...answer.first.payloads];
  for (let batch = await nextBatch(answer); batch && payloads.length < most; batch = await nextBatch(answer)) {
    payloads.push(...batch.payloads);
  }
  return payloads;
}

describe('a stream behind its reservation', () => {
  it('ends with finish_reason length once the upstream has sent more, and lets go of the upstream', async () => {
    const { ctx, answer, aborted } = stream((facts) => facts.deltas++);
    const payloads = await read(reservedStream(ctx, answer));
    expect(JSON.parse(payloads.at(-1)!)).toEqual({
      id: 'c-1',
      object: 'chat.completion.chunk',
      model: 'm',
      choices: [{ index: 0, delta: {}, finish_reason: 'length' }],
    });
    expect(payloads.length).toBeLessThanOrEqual(RESERVED * (1 + 1 / 16) + 16 + 3);
    expect(ctx.cut).toBe('reservation_spent');
    expect(aborted).toMatchObject([{ outcome: 'ignored', reason: 'cancelled' }]);
  });

  it.each([
    ['tokens that come many to an event', (facts: AnswerFacts) => (facts.characters += 500)],
    [
      'usage that the upstream tells on the way',
      (facts: AnswerFacts) => (facts.usage = { promptTokens: 1, completionTokens: RESERVED + 1, cachedTokens: 0 }),
    ],
  ])('is cut by %s', async (_name, grow) => {
    const { ctx, answer } = stream(grow);
    await read(reservedStream(ctx, answer));
    expect(ctx.cut).toBe('reservation_spent');
  });

  it('lets an upstream that keeps to its cap finish, role and tool call openings included', async () => {
    const { ctx, answer, facts } = stream((known) => known.deltas++);
    const payloads = await read(reservedStream(ctx, answer), RESERVED + 10);
    expect(payloads).toHaveLength(RESERVED + 10);
    expect(ctx.cut).toBeUndefined();
    facts.deltas = 0;
    facts.characters = RESERVED * 8;
    await read(reservedStream(ctx, answer), 2);
    expect(ctx.cut).toBeUndefined();
  });

  it('leaves an answer alone that ended in the same read', async () => {
    const { ctx, answer } = stream((facts) => {
      facts.deltas += 10 * RESERVED;
      facts.finished.add(0);
    });
    await read(reservedStream(ctx, answer), 3);
    expect(ctx.cut).toBeUndefined();
  });

  it('ends only the choices that are open', async () => {
    const { ctx, answer } = stream((facts) => {
      facts.deltas++;
      facts.choices = 3;
      facts.finished.add(1);
    }, 3);
    const last = (await read(reservedStream(ctx, answer))).at(-1)!;
    const { choices } = JSON.parse(last) as { choices: { index: number }[] };
    expect(choices.map(({ index }) => index)).toEqual([0, 2]);
  });

  it('is not there without a reservation, nor around a plain answer', () => {
    const { ctx, answer } = stream(() => undefined);
    const plain = { ...answer, first: { payloads: [], json: '{}' } };
    expect(reservedStream(ctx, plain)).toBe(plain);
    ctx.reservedOutputTokens = undefined;
    expect(reservedStream(ctx, answer)).toBe(answer);
  });

  it('ends even where the last chunk cannot be read', async () => {
    const { ctx, answer } = stream((facts) => (facts.deltas += 10 * RESERVED));
    const broken: Answer = {
      ...answer,
      read: (reader) =>
        answer.read({
          batch: (batch) => reader.batch({ ...batch, payloads: ['{"half'] }),
          end: (failure) => reader.end(failure),
        }),
    };
    const payloads = await read(reservedStream(ctx, broken));
    expect(JSON.parse(payloads.at(-1)!)).toMatchObject({ object: 'chat.completion.chunk' });
  });
});
