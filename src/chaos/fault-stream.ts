import { type Clock } from '../kernel/clock.js';
import { type ProviderFault } from '../config/chaos-experiment.js';
import { pause, untilAborted } from './pause.js';

/** What the faults need beside the bytes. */
export interface FaultContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The error of a connection that breaks. */
  readonly reset: () => Error;
}

type Chunks = AsyncIterable<Buffer>;

const DRIP_MS = 100;
const EVENT_END = '\n\n';
const DONE = Buffer.from('data: [DONE]');
const CONTENT = '"content":"';
/** The first two bytes of a three-byte character whose third never comes. */
const CUT_CHARACTER = Buffer.from([0xe2, 0x82]);

/** The answer's bytes, spoilt. Plain bodies count as one event. */
export function faultyChunks(fault: ProviderFault, chunks: Chunks, context: FaultContext): Chunks {
  switch (fault.type) {
    case 'abort':
      return fault.afterBytes === undefined
        ? abortAfterEvents(chunks, fault.afterEvents ?? 0, context)
        : abortAfterBytes(chunks, fault.afterBytes, context);
    case 'stall':
      return stall(chunks, fault.afterEvents, context);
    case 'slow_drip':
      return drip(chunks, fault.bytesPerSecond, context);
    case 'malformed_json':
      return editFirst(chunks, (event) => [replace(event, '{', '{{')]);
    case 'truncate':
      return truncate(chunks);
    case 'bad_usage':
      return editEach(chunks, (event) => Buffer.from(event.toString().replace(/"(\w+_tokens)":\s*\d+/g, '"$1":-1')));
    case 'huge_event':
      return editFirst(chunks, (event) => [event, Buffer.from(`data: {"padding":"${'x'.repeat(fault.bytes)}"}\n\n`)]);
    case 'duplicate_chunk':
      return editFirst(chunks, (event) => [event, event]);
    case 'invalid_utf8_split':
      return editFirst(chunks, cutCharacter);
    case 'latency':
    case 'error':
    case 'connect_refused':
      // These are done before there are any bytes.
      return chunks;
  }
}

/** Cuts bytes into whole events; what has no end comes last. */
async function* events(chunks: Chunks): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(EVENT_END); end >= 0; end = rest.indexOf(EVENT_END)) {
      yield rest.subarray(0, end + EVENT_END.length);
      rest = rest.subarray(end + EVENT_END.length);
    }
  }
  if (rest.length > 0) yield rest;
}

async function* abortAfterBytes(chunks: Chunks, bytes: number, { reset }: FaultContext): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of chunks) {
    if (chunk.length >= left) {
      if (left > 0) yield chunk.subarray(0, left);
      throw reset();
    }
    left -= chunk.length;
    yield chunk;
  }
}

async function* abortAfterEvents(chunks: Chunks, count: number, { reset }: FaultContext): AsyncGenerator<Buffer> {
  let sent = 0;
  for await (const event of events(chunks)) {
    if (sent++ >= count) throw reset();
    yield event;
  }
}

async function* stall(chunks: Chunks, count: number, { signal }: FaultContext): AsyncGenerator<Buffer> {
  let sent = 0;
  for await (const event of events(chunks)) {
    if (sent++ >= count) await untilAborted(signal);
    yield event;
  }
}

async function* drip(chunks: Chunks, bytesPerSecond: number, context: FaultContext): AsyncGenerator<Buffer> {
  const piece = Math.max(1, Math.floor((bytesPerSecond * DRIP_MS) / 1_000));
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += piece) {
      const bytes = chunk.subarray(from, from + piece);
      await pause(context.clock, (bytes.length / bytesPerSecond) * 1_000, context.signal);
      yield bytes;
    }
  }
}

async function* truncate(chunks: Chunks): AsyncGenerator<Buffer> {
  for await (const event of events(chunks)) {
    if (event.includes(DONE)) return;
    yield event.subarray(-EVENT_END.length).toString() === EVENT_END ? event : event.subarray(0, -1);
  }
}

async function* editFirst(chunks: Chunks, edit: (event: Buffer) => readonly Buffer[]): AsyncGenerator<Buffer> {
  let first = true;
  for await (const event of events(chunks)) {
    if (first) yield* edit(event);
    else yield event;
    first = false;
  }
}

async function* editEach(chunks: Chunks, edit: (event: Buffer) => Buffer): AsyncGenerator<Buffer> {
  for await (const event of events(chunks)) yield edit(event);
}

function replace(event: Buffer, search: string, by: string): Buffer {
  return Buffer.from(event.toString().replace(search, by));
}

/** Puts half a character into the content and ends the read within it. */
function cutCharacter(event: Buffer): readonly Buffer[] {
  const at = event.indexOf(CONTENT);
  const cut = at < 0 ? event.indexOf('{') + 1 : at + CONTENT.length;
  const [half, otherHalf] = [CUT_CHARACTER.subarray(0, 1), CUT_CHARACTER.subarray(1)];
  return [Buffer.concat([event.subarray(0, cut), half]), Buffer.concat([otherHalf, event.subarray(cut)])];
}
