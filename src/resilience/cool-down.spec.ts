import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { CoolDown, coolDownScope } from './cool-down.js';
import { type AnswerHeaders, parseRetryAfter } from './retry-after.js';

const WALL = Date.parse('2026-11-23T12:00:00Z');

describe('parseRetryAfter', () => {
  it.each<[string, AnswerHeaders, number | 'unparsable' | undefined]>([
    ['seconds', { 'retry-after': '2' }, 2_000],
    ['fractions of seconds', { 'retry-after': '1.5' }, 1_500],
    ['zero', { 'retry-after': '0' }, 0],
    ['a date', { 'retry-after': 'Mon, 23 Nov 2026 12:00:05 GMT' }, 5_000],
    ['a date in an old form', { 'retry-after': 'Monday, 23-Nov-26 12:00:05 GMT' }, 5_000],
    ['a date in the oldest form', { 'retry-after': 'Mon Nov 23 12:00:05 2026' }, 5_000],
    ['a date in the past', { 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 0],
    ['a negative number', { 'retry-after': '-1' }, 'unparsable'],
    ['a word', { 'retry-after': 'abc' }, 'unparsable'],
    ['an exponent', { 'retry-after': '1e9' }, 'unparsable'],
    ['nothing', { 'retry-after': '' }, 'unparsable'],
    ['a weekday alone', { 'retry-after': 'Mon' }, 'unparsable'],
    ['milliseconds before seconds', { 'retry-after-ms': '120', 'retry-after': '1' }, 120],
    ['seconds where the milliseconds make no sense', { 'retry-after-ms': 'x', 'retry-after': '1' }, 1_000],
    ['milliseconds that make no sense', { 'retry-after-ms': 'x' }, 'unparsable'],
    ['the first of two headers', { 'retry-after': ['3', '9'] }, 3_000],
    ['no header', {}, undefined],
    ['a reset with something remaining', reset('5', '7s'), undefined],
    ['a reset in seconds', reset('0', '7'), 7_000],
    ['a reset in OpenAI notation', reset('0', '1h2m3.5s'), 3_723_500],
    ['a reset in ms', reset('0', '20ms'), 20],
    ['a reset as an instant', reset('0', String(WALL / 1_000 + 4)), 4_000],
    ['a reset that makes no sense', reset('0', 'soon'), 'unparsable'],
    ['the longer of two resets', { ...reset('0', '2s'), ...reset('0', '9s', 'tokens') }, 9_000],
  ])('reads %s', (_name, headers, expected) => {
    expect(parseRetryAfter(headers, WALL)).toBe(expected);
  });
});

function reset(remaining: string, value: string, limit = 'requests'): AnswerHeaders {
  return { [`x-ratelimit-remaining-${limit}`]: remaining, [`x-ratelimit-reset-${limit}`]: value };
}

describe('CoolDown', () => {
  const pause = (value: string): AnswerHeaders => ({ 'retry-after': value });

  it.each([
    ['-1', 1_000],
    ['abc', 1_000],
    ['1e9', 1_000],
    ['1000000000', 60_000],
    ['0.001', 50],
    ['5', 5_000],
    ['0', 0],
    ['Mon, 23 Nov 2020 12:00:00 GMT', 0],
    ['Sun, 23 Nov 2070 12:00:00 GMT', 60_000],
  ])('cools for Retry-After %s within the bounds', (value, expected) => {
    expect(new CoolDown(new ManualClock()).throttled(pause(value))).toBe(expected);
  });

  it('keeps the later of two deadlines', () => {
    const clock = new ManualClock();
    const coolDown = new CoolDown(clock);
    coolDown.throttled(pause('10'));
    clock.advanceSync(1_000);
    coolDown.throttled(pause('2'));
    expect(coolDown.remainingMs()).toBe(9_000);
    clock.advanceSync(9_000);
    expect(coolDown.isCooling()).toBe(false);
  });

  it('doubles blind pauses to 30 s until something succeeds', () => {
    const clock = new ManualClock();
    const coolDown = new CoolDown(clock);
    const next = () => {
      const ms = coolDown.throttled({});
      clock.advanceSync(ms);
      return ms;
    };
    expect([next(), next(), next(), next(), next(), next(), next()]).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
    coolDown.succeeded();
    expect(next()).toBe(1_000);
  });

  it('counts a flight of blind throttles as one', () => {
    const coolDown = new CoolDown(new ManualClock());
    for (let n = 0; n < 50; n++) coolDown.throttled({});
    expect(coolDown.remainingMs()).toBe(1_000);
  });

  it('announces its end once', () => {
    const clock = new ManualClock();
    const coolDown = new CoolDown(clock);
    expect(coolDown.takeEnd()).toBe(false);
    coolDown.throttled(pause('1'));
    expect(coolDown.takeEnd()).toBe(false);
    clock.advanceSync(1_000);
    expect([coolDown.takeEnd(), coolDown.takeEnd()]).toEqual([true, false]);
  });

  it('is scoped by provider, model and credential', () => {
    const scopes = [coolDownScope('a', 'm', 'k'), coolDownScope('a', 'm', 'l'), coolDownScope('am', '', 'k')];
    expect(new Set(scopes).size).toBe(3);
  });
});
