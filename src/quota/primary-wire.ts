import { type QuotaWire } from './ipc-quota-store.js';
import { type QuotaReply } from './quota-store-host.js';

/** From a worker to its primary. */
export const primaryWire: QuotaWire = {
  // A primary that is gone is told by the wait for its answer.
  send: (call) => void process.send?.(call, undefined, undefined, () => undefined),
  onReply: (listener) => {
    process.on('message', (message: object) => {
      if ('quotaReply' in message) listener(message as QuotaReply);
    });
  },
};
