import { type Clock } from '../kernel/clock.js';
import { type QuotaWire } from './ipc-quota-store.js';
import { type QuotaCall, type QuotaCalls, type QuotaReplies } from './quota-store-host.js';

/** From a worker to its primary. Calls of one turn of the event loop are one message: messages cost more than calls. */
export function primaryWire(clock: Pick<Clock, 'turn'>): QuotaWire {
  let waiting: QuotaCall[] = [];
  const flush = (): void => {
    const message: QuotaCalls = { quotaCalls: waiting };
    waiting = [];
    // A primary that is gone is told by the wait for its answer.
    process.send?.(message, undefined, undefined, () => undefined);
  };
  return {
    send: (call) => {
      if (waiting.push(call) === 1) void clock.turn().then(flush);
    },
    onReply: (listener) => {
      process.on('message', (message: object) => {
        if ('quotaReplies' in message) for (const reply of (message as QuotaReplies).quotaReplies) listener(reply);
      });
    },
  };
}
