import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anEndedRequest } from '../../test/support/ended-request.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { requestEnded } from '../kernel/channels.js';
import { type ChatRequest } from '../kernel/openai.js';
import { EndedFacts } from '../observability/ended-facts.js';
import { TrafficWindow } from './traffic-window.js';

const STREAM = { stream: true } as ChatRequest;

describe('the traffic of the last minutes', () => {
  let clock: ManualClock;
  let facts: EndedFacts;
  let traffic: TrafficWindow;

  beforeEach(() => {
    clock = new ManualClock();
    facts = new EndedFacts(clock);
    traffic = new TrafficWindow(clock, facts);
  });
  afterEach(() => facts.onModuleDestroy());

  it('counts what ended in a second, once the second is over', () => {
    requestEnded.publish(anEndedRequest({ status: 200, end: 'completed', firstContentAt: 40, request: STREAM }));
    requestEnded.publish(anEndedRequest({ status: 200, end: 'completed', firstContentAt: 60, request: STREAM }));
    requestEnded.publish(anEndedRequest({ status: 429, end: 'refused' }));
    requestEnded.publish(anEndedRequest({ status: 502, end: 'failed' }));
    requestEnded.publish(anEndedRequest({ status: 499, end: 'cancelled' }));
    expect(traffic.last()).toBeUndefined();
    clock.advanceSync(1_000);
    expect(traffic.last()).toEqual({
      at: 1_800_000_001_000,
      requests: 5,
      failed: 1,
      refused: 1,
      ttftP50: 60,
      ttftP95: 60,
      addedP50: 60,
      addedP99: 60,
    });
  });

  it('leaves no second out, and measures nothing where nothing happened', () => {
    clock.advanceSync(3_500);
    expect(traffic.seconds().map(({ at, requests, ttftP50 }) => [at, requests, ttftP50])).toEqual([
      [1_800_000_001_000, 0, null],
      [1_800_000_002_000, 0, null],
      [1_800_000_003_000, 0, null],
    ]);
  });

  it('remembers ten minutes, however long nobody looked', () => {
    requestEnded.publish(anEndedRequest({ status: 200, end: 'completed' }));
    clock.advanceSync(5_000_000);
    expect(traffic.seconds()).toHaveLength(600);
    expect(traffic.last()?.at).toBe(1_800_005_000_000);
  });

  it('judges the first token by streams alone', () => {
    requestEnded.publish(anEndedRequest({ status: 200, end: 'completed', firstContentAt: 900 }));
    clock.advanceSync(1_000);
    expect(traffic.last()).toMatchObject({ ttftP50: null, addedP50: 900 });
  });
});
