import { nextBatch, wholeAnswer } from '../kernel/batch-reading.js';
import { type Answer, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { readChunk } from './stream-chunk.js';

/** Longer answers are sent as they come from there on: nobody can hold everything. UTF-16 units of events. */
const MAX_HELD = 4 * 1024 * 1024;

/**
 * The whole answer in one batch, so that nothing was sent while it may still break.
 * @throws UpstreamFailure where it broke: another target may answer instead
 */
export async function heldStream(answer: Answer): Promise<Answer> {
  const payloads: string[] = [];
  let held = 0;
  for (let batch: EventBatch | undefined = answer.first; batch; batch = await nextBatch(answer)) {
    for (const payload of batch.payloads) {
      if (!readChunk(payload)) throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
      held += payload.length;
      payloads.push(payload);
    }
    if (held > MAX_HELD) return { first: { payloads, json: undefined }, read: (reader) => answer.read(reader) };
  }
  return wholeAnswer({ payloads, json: undefined });
}
