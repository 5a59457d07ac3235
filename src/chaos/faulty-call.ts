import { type Clock } from '../kernel/clock.js';
import { type ProviderFault } from '../config/chaos-experiment.js';
import { ResponseHead } from '../providers/response-head.js';
import { type FaultPlan } from './chaos-engine.js';
import { faultyChunks } from './fault-stream.js';
import { pause } from './pause.js';

/** An upstream's answer, whatever carried it. */
export interface TransportAnswer {
  readonly head: ResponseHead;
  readonly chunks: AsyncIterable<Buffer>;
}

/** Looks like the network's own errors, so that nothing behind it can tell. */
export class InjectedNetworkError extends Error {
  constructor(readonly code: 'ECONNREFUSED' | 'ECONNRESET') {
    super(`injected ${code}`);
    this.name = 'InjectedNetworkError';
  }
}

/**
 * One attempt under a plan: waits, refuses, answers in the upstream's place, or calls it by `open` and spoils what it
 * sends. Rejects with the signal's reason when that aborts a wait.
 */
export async function withFaults(
  plan: FaultPlan,
  clock: Clock,
  signal: AbortSignal,
  open: () => Promise<TransportAnswer>,
): Promise<TransportAnswer> {
  if (plan.latencyMs > 0) await pause(clock, plan.latencyMs, signal);
  const { fault } = plan;
  if (!fault) return open();
  if (fault.type === 'connect_refused') throw new InjectedNetworkError('ECONNREFUSED');
  if (fault.type === 'error') return errorAnswer(fault);
  if (fault.type === 'abort' && fault.afterBytes === undefined && fault.afterEvents === undefined) {
    throw new InjectedNetworkError('ECONNRESET');
  }
  const answer = await open();
  const reset = (): Error => new InjectedNetworkError('ECONNRESET');
  return { ...answer, chunks: faultyChunks(fault, answer.chunks, { clock, signal, reset }) };
}

function errorAnswer({ status, body, retryAfter }: Extract<ProviderFault, { type: 'error' }>): TransportAnswer {
  const headers = {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  };
  return { head: ResponseHead.of(status, headers), chunks: once(Buffer.from(body)) };
}

// An async generator without await: the type of chunks is what the caller iterates.
// eslint-disable-next-line @typescript-eslint/require-await
async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}
