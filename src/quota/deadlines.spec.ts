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
    void deadlines.within(
      asked,
      () => ended.push(name),
      (error) => ended.push(error instanceof StoreTimeout ? `${name} late` : `${name} failed`),
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

  it('give what was made of the answer, or of its failure', async () => {
    const given = [Promise.resolve(2), Promise.reject<number>(new Error('refused'))].map((answer) =>
      deadlines.within<number, unknown>(
        answer,
        (value) => value * 2,
        ({ message }) => message,
      ),
    );
    expect(await Promise.all(given)).toEqual([4, 'refused']);
  });

  it('fail with what is thrown over an answer', async () => {
    const thrown = deadlines.within(
      Promise.resolve(),
      () => {
        throw new Error('a mistake');
      },
      () => undefined,
    );
    await expect(thrown).rejects.toThrow('a mistake');
  });

  describe('after a pause of the process', () => {
    let turns: (() => void)[];
    const turn = async (): Promise<void> => {
      turns.shift()?.();
      await clock.advance(0);
    };

    beforeEach(() => {
      turns = [];
      clock.turn = () => new Promise((resolve) => turns.push(resolve));
    });

    it('let an answer win that is read in the two turns that follow', async () => {
      const answers = [wait('first'), wait('second')];
      wait('third');
      await clock.advance(WITHIN_MS);
      answers[0]!();
      await turn();
      answers[1]!();
      await turn();
      expect(ended).toEqual(['first', 'second', 'third late']);
    });

    it('look at what falls due in these turns on its own', async () => {
      wait('first');
      await clock.advance(WITHIN_MS - 1);
      const answer = wait('second');
      await clock.advance(1);
      await clock.advance(WITHIN_MS);
      await turn();
      expect(ended).toEqual([]);
      await turn();
      expect(ended).toEqual(['first late']);
      await turn();
      answer();
      await turn();
      expect(ended).toEqual(['first late', 'second']);
    });

    it('give up nothing and start nothing once they are closed', async () => {
      wait('first');
      await clock.advance(WITHIN_MS);
      deadlines.close();
      await turn();
      await turn();
      expect(ended).toEqual([]);
      expect(clock.pending).toBe(0);
    });
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
