import { type Clock } from '../kernel/clock.js';
import { type Answer } from './quota-store.js';

/** The store did not answer in time. What it was asked may still happen. */
export class StoreTimeout extends Error {
  constructor(ms: number) {
    super(`the quota store did not answer within ${ms} ms`);
    this.name = 'StoreTimeout';
  }
}

/** The answer, or StoreTimeout after `ms`. */
export function bounded<T>(clock: Clock, answer: Answer<T>, ms: number): Promise<T> {
  if (!(answer instanceof Promise)) return Promise.resolve(answer);
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new StoreTimeout(ms));
    // One more turn of the event loop: after a pause of ours the answer may lie in the socket, unread.
    let timer = clock.after(ms, () => {
      timer = clock.after(0, giveUp);
    });
    answer.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
