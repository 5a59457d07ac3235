import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { StoreTimeout } from './bounded.js';
import { Deadlines } from './deadlines.js';

const WITHIN_MS = 50;

describe('deadlines', () => {
  let clock: ManualClock;
  let deadlines: Deadlines;
  let ended: string[];

  beforeEach(() => {
    clock = new ManualClock();
    deadlines = new Deadlines(clock, WITHIN_MS);
    ended = [];
  });

  /** A wait that ends with its name or with what went wrong; answers when it is called. */
  function wait(name: string): (error?: Error) => void {
    let answer: (error?: Error) => void = () => undefined;
    const asked = new Promise<void>((resolve, reject) => {
      answer = (error) => (error ? reject(error) : resolve());
    });
    deadlines.within(asked).then(
      () => ended.push(name),
      (error: unknown) => ended.push(error instanceof StoreTimeout ? `${name} late` : `${name} failed`),
    );
    return answer;
  }

  it('end each wait after its own time, with one timer for all', async () => {
    wait('first');
    await clock.advance(30);
    wait('second');
    expect(clock.pending).toBe(1);
    await clock.advance(20);
    expect(ended).toEqual(['first late']);
    await clock.advance(29);
    expect(ended).toEqual(['first late']);
    await clock.advance(1);
    expect(ended).toEqual(['first late', 'second late']);
    expect(clock.pending).toBe(0);
  });

  it('leave alone what was answered, in any order, and hand on what failed', async () => {
    const [first, second, third] = [wait('first'), wait('second'), wait('third')];
    third();
    await clock.advance(10);
    second(new Error('refused'));
    await clock.advance(10);
    first();
    await clock.advance(1_000);
    expect(ended).toEqual(['third', 'second failed', 'first']);
    expect(clock.pending).toBe(0);
  });

  it('let an answer win that comes in the turn in which it falls due', async () => {
    const answer = wait('first');
    clock.after(WITHIN_MS, () => answer());
    await clock.advance(WITHIN_MS);
    expect(ended).toEqual(['first']);
  });

  it('bound waits that begin after a quiet time', async () => {
    wait('first')();
    await clock.advance(WITHIN_MS);
    wait('second');
    await clock.advance(WITHIN_MS);
    expect(ended).toEqual(['first', 'second late']);
  });

  it('leave no timer behind', async () => {
    wait('first')();
    deadlines.close();
    expect(clock.pending).toBe(0);
    await clock.advance(0);
    expect(ended).toEqual(['first']);
  });
});
