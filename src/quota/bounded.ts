import { type Clock } from '../kernel/clock.js';
import { type Answer } from './quota-store.js';

/** The store did not answer in time. What it was asked may still happen. */
export class StoreTimeout extends Error {
  constructor(ms: number) {
    super(`the quota store did not answer within ${ms} ms`);
    this.name = 'StoreTimeout';
  }
}

/**
 * Resolves when what the store has answered by now was read. After a pause of this process the answer may lie in the
 * socket, or the question have left a moment ago: two turns of the event loop see to both, and take no time where it is idle.
 */
export async function answersRead(clock: Pick<Clock, 'turn'>): Promise<void> {
  await clock.turn();
  await clock.turn();
}

/** The answer, or StoreTimeout after `ms`. */
export function bounded<T>(clock: Clock, answer: Answer<T>, ms: number): Promise<T> {
  if (!(answer instanceof Promise)) return Promise.resolve(answer);
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      void answersRead(clock).then(() => reject(new StoreTimeout(ms)));
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
