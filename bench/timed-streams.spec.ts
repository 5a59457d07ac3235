import { describe, expect, it } from 'vitest';
import { sendTimes, sentAt, slotOf } from './timed-streams.mjs';

describe('sendTimes', () => {
  it('finds the time of every event in a read', () => {
    const event = (us: number) => `data: {"delta":{"content":"${sentAt(us)}"}}\n\n`;
    expect(sendTimes(event(123) + event(456))).toEqual([123, 456]);
  });

  it('leaves out a time that was cut, and texts without one', () => {
    expect(sendTimes('"content":" @12')).toEqual([]);
    expect(sendTimes('"content":" word"')).toEqual([]);
  });
});

describe('slotOf', () => {
  it.each([1_000, 5_000])('spreads %i streams in a row evenly over a second', (streams) => {
    const tenths = new Array<number>(10).fill(0);
    for (let n = 700; n < 700 + streams; n++) tenths[Math.floor(slotOf(n, 1_000) / 100)]!++;
    for (const count of tenths) expect(Math.abs(count - streams / 10)).toBeLessThanOrEqual(3);
  });
});
