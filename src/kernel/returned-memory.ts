import { MessageChannel } from 'node:worker_threads';

/** Bodies of some KiB are left to the collector: what giving them back gains was not measured in a gateway. */
const WORTH_IT_BYTES = 32 * 1024;

// Closed with the first turn of the event loop; until then messages would wait in it.
const { port1: nobody, port2 } = new MessageChannel();
port2.close();
const transferred: ArrayBuffer[] = [];

/** How many still read some memory; and what is to be given back by the last of them. */
const readers = new WeakMap<ArrayBufferLike, number>();
const unowned = new WeakSet<ArrayBufferLike>();

/**
 * Gives the memory of a large buffer back, at once or when the last who reads it has finished. Else V8 lets 64 MB of it
 * wait and then collects the old generation, and each buffer is made of memory that the processor has not seen lately.
 * To be called by its owner, who reads it no more: the buffer, and every view of its memory, is empty afterwards. Small
 * buffers, and those that share their memory, are left to the collector.
 */
export function giveBack({ length, buffer }: Buffer): void {
  if (length < WORTH_IT_BYTES || length < buffer.byteLength) return;
  if (readers.has(buffer)) unowned.add(buffer);
  else dispose(buffer);
}

/**
 * Keeps the memory of these buffers until `finishedReading` is called with them: for the time in which the kernel, which
 * knows nothing of our owners, may read it.
 */
export function startReading(pieces: readonly Buffer[]): void {
  for (const { buffer } of pieces) {
    if (buffer.byteLength >= WORTH_IT_BYTES) readers.set(buffer, (readers.get(buffer) ?? 0) + 1);
  }
}

/** To be called once after each `startReading`, with the same buffers. */
export function finishedReading(pieces: readonly Buffer[]): void {
  for (const { buffer } of pieces) {
    const left = (readers.get(buffer) ?? 0) - 1;
    if (left > 0) readers.set(buffer, left);
    else if (readers.delete(buffer) && unowned.delete(buffer)) dispose(buffer);
  }
}

/** A message to nobody takes along what it transfers. `ArrayBuffer.prototype.transfer` would do; Node 20 has none. */
function dispose(memory: ArrayBufferLike): void {
  if (!(memory instanceof ArrayBuffer)) return;
  transferred[0] = memory;
  nobody.postMessage(undefined, transferred);
  transferred.length = 0;
}
