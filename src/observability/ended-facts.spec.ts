import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anEndedRequest } from '../../test/support/ended-request.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { targetOf } from '../../test/support/target.js';
import { answeredBy } from '../../test/support/request-context.js';
import { attemptEnded, requestEnded } from '../kernel/channels.js';
import { EndedFacts } from './ended-facts.js';

describe('what ended, told in batches', () => {
  let clock: ManualClock;
  let facts: EndedFacts;
  let told: string[];

  beforeEach(() => {
    clock = new ManualClock();
    facts = new EndedFacts(clock);
    told = [];
    facts.onAttempt(({ ctx }) => told.push(`attempt of ${ctx.requestId}`));
    facts.onRequest((ctx) => told.push(ctx.requestId));
  });
  afterEach(() => facts.onModuleDestroy());

  const end = (id: string): void => {
    const ctx = anEndedRequest({ status: 200, end: 'completed' }, {}, id);
    attemptEnded.publish({ ctx, attempt: answeredBy(ctx, targetOf('openai', {}), {}) });
    requestEnded.publish(ctx);
  };

  it('waits for company, but not for long', () => {
    end('a');
    expect(told).toEqual([]);
    clock.advanceSync(5);
    expect(told).toEqual(['attempt of a', 'a']);
    end('b');
    clock.advanceSync(5);
    expect(told.slice(2)).toEqual(['attempt of b', 'b']);
  });

  it('tells at once when enough came together, each request after its attempts', () => {
    for (let at = 0; at < 32; at++) end(`r${at}`);
    expect(told).toHaveLength(63);
    expect(told.indexOf('attempt of r31')).toBe(31);
    clock.advanceSync(5);
    expect(told.at(-1)).toBe('r31');
    expect(told).toHaveLength(64);
  });

  it('tells all that waits to whoever asks what was counted, and to nobody twice', () => {
    end('a');
    facts.flush();
    facts.flush();
    clock.advanceSync(5);
    expect(told).toEqual(['attempt of a', 'a']);
  });

  it('loses nothing when the process ends', () => {
    end('a');
    facts.onModuleDestroy();
    expect(told).toEqual(['attempt of a', 'a']);
  });

  it('tells the others where one of them fails', async () => {
    const failure = new Promise((resolve) => process.prependOnceListener('uncaughtException', resolve));
    const listeners = process.listeners('uncaughtException').slice(1);
    for (const listener of listeners) process.off('uncaughtException', listener);
    const late = new EndedFacts(clock);
    late.onRequest(() => {
      throw new Error('a counter is broken');
    });
    late.onRequest((ctx) => told.push(`still ${ctx.requestId}`));
    end('a');
    late.flush();
    expect(await failure).toEqual(new Error('a counter is broken'));
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(told).toContain('still a');
    late.onModuleDestroy();
  });
});
