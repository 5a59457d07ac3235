import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type QueueSettings } from '../kernel/snapshot.js';
import { QueueEntry, type QueueRefusal, type Waiter } from './admission-flow.js';
import { AdmissionQueue } from './admission-queue.js';
import { FixedLimit } from './fixed-limit.js';
import { Limiter } from './limiter.js';
import { BAND } from './priority.js';

const SETTINGS: QueueSettings = {
  enabled: true,
  maxLength: 256,
  maxWaitMs: 2_000,
  maxBytes: 64 * 1_048_576,
  maxKeyShare: 0.25,
  quantumTokens: 1_000,
};

interface Log {
  admitted: string[];
  refused: [string, QueueRefusal][];
}

function setUp(options: { limit: number; settings?: Partial<QueueSettings>; serviceMs?: number; ttftMs?: number }) {
  const clock = new ManualClock();
  const limiter = new Limiter(new FixedLimit(clock, { initial: options.limit, min: 1, max: options.limit }));
  const estimates = { meanServiceMs: () => options.serviceMs, medianTtftMs: () => options.ttftMs };
  const queue = new AdmissionQueue(clock, limiter, estimates, { ...SETTINGS, ...options.settings });
  const log: Log = { admitted: [], refused: [] };
  const waiter = (name: string, changes: Partial<Waiter> = {}): Waiter => ({
    keyId: 'a',
    band: BAND.default,
    tokens: 100,
    bytes: 1_000,
    remainingMs: 60_000,
    admit: () => void log.admitted.push(name),
    refuse: (reason) => void log.refused.push([name, reason]),
    ...changes,
  });
  const offer = (name: string, changes: Partial<Waiter> = {}) => queue.offer(waiter(name, changes));
  /** One slot comes free and is handed on. */
  const freeOne = () => {
    limiter.release('done');
    queue.dispatch();
  };
  const fill = () => {
    while (queue.tryPass());
  };
  return { clock, limiter, queue, log, waiter, offer, freeOne, fill };
}

describe('AdmissionQueue bounds', () => {
  it('runs 4 of 300 at once, queues 16, refuses the rest at once, and keeps nobody waiting over 2 s', () => {
    const { clock, limiter, queue, log } = setUp({ limit: 4, serviceMs: 200 });
    let running = 0;
    const waits: number[] = [];
    const run = () => {
      running++;
      clock.after(200, () => {
        running--;
        limiter.release('done');
        queue.dispatch();
      });
    };
    const refusals: QueueRefusal[] = [];
    for (let n = 0; n < 300; n++) {
      if (queue.tryPass()) {
        run();
        continue;
      }
      const since = clock.now();
      const answer = queue.offer({
        keyId: 'a',
        band: 1,
        tokens: 100,
        bytes: 1,
        remainingMs: 60_000,
        admit: () => {
          waits.push(clock.now() - since);
          run();
        },
        refuse: (reason) => void log.refused.push(['', reason]),
      });
      if (!(answer instanceof QueueEntry)) refusals.push(answer);
    }
    expect([running, queue.length, refusals.length]).toEqual([4, 16, 280]);
    expect(new Set(refusals)).toEqual(new Set(['full']));
    clock.advanceSync(5_000);
    expect(waits).toHaveLength(16);
    expect(Math.max(...waits)).toBe(800);
    expect([running, limiter.inFlight, queue.length, queue.bytes, clock.pending]).toEqual([0, 0, 0, 0, 0]);
  });

  it('refuses at once what would wait longer than its deadline allows', () => {
    const { fill, offer, queue } = setUp({ limit: 1, serviceMs: 2_000, ttftMs: 100 });
    fill();
    expect(offer('hurried', { remainingMs: 500 })).toBe('predictedWait');
    expect(queue.length).toBe(0);
  });

  it('leaves the median first-token time of the deadline to the upstream', () => {
    const { fill, offer, clock, log } = setUp({ limit: 1, ttftMs: 300 });
    fill();
    expect(offer('late', { remainingMs: 300 })).toBe('predictedWait');
    offer('just', { remainingMs: 400 });
    clock.advanceSync(100);
    expect(log.refused).toEqual([['just', 'timeout']]);
  });

  it('refuses by bytes, and lets a higher band push lower ones out', () => {
    const { fill, offer, log, queue } = setUp({ limit: 1, settings: { maxBytes: 10_000 } });
    fill();
    offer('s1', { band: BAND.sheddable, bytes: 4_000 });
    offer('s2', { band: BAND.sheddable, bytes: 4_000, keyId: 'b' });
    expect(offer('d1', { bytes: 11_000 })).toBe('full');
    expect(offer('s3', { band: BAND.sheddable, bytes: 4_000, keyId: 'c' })).toBe('full');
    expect(offer('d2', { bytes: 6_000 })).toBeInstanceOf(QueueEntry);
    expect(log.refused).toEqual([['s2', 'evicted']]);
    expect(queue.bytes).toBe(10_000);
  });

  it('evicts the newest entry of the lowest band for a higher one when it is full', () => {
    const { fill, offer, log } = setUp({ limit: 1 });
    fill();
    for (let n = 0; n < 8; n++) offer(`s${n}`, { band: BAND.sheddable, keyId: `k${n}` });
    for (let n = 0; n < 8; n++) offer(`d${n}`, { keyId: `k${n}` });
    offer('critical', { band: BAND.critical, keyId: 'vip' });
    expect(log.refused).toEqual([['s7', 'evicted']]);
    expect(offer('sheddable', { band: BAND.sheddable, keyId: 'x' })).toBe('full');
  });

  it('holds a key to a quarter while another waits, and lets it have all while none does', () => {
    const { fill, offer, log, queue } = setUp({ limit: 1 });
    fill();
    for (let n = 0; n < 16; n++) expect(offer(`a${n}`)).toBeInstanceOf(QueueEntry);
    expect(offer('b0', { keyId: 'b' })).toBeInstanceOf(QueueEntry);
    expect(log.refused).toEqual([['a15', 'evicted']]);
    expect(queue.length).toBe(16);
    expect(offer('a16')).toBe('keyShare');
  });

  it('is bypassed only while nobody waits', () => {
    const { fill, offer, queue, limiter } = setUp({ limit: 1 });
    fill();
    offer('first');
    limiter.release('done');
    expect(queue.tryPass()).toBe(false);
    queue.dispatch();
    expect(queue.length).toBe(0);
  });

  it('refuses everything that would wait when it is switched off', () => {
    const { fill, offer } = setUp({ limit: 1, settings: { enabled: false } });
    fill();
    expect(offer('any')).toBe('disabled');
  });
});

describe('AdmissionQueue order', () => {
  it('is first in first out within a key', () => {
    const { fill, offer, freeOne, log } = setUp({ limit: 1 });
    fill();
    ['1', '2', '3'].forEach((name) => offer(name));
    freeOne();
    freeOne();
    freeOne();
    expect(log.admitted).toEqual(['1', '2', '3']);
  });

  it('serves critical first, and the lowest waiting band once in 20', () => {
    const { fill, offer, freeOne, log } = setUp({ limit: 1 });
    fill();
    for (let n = 0; n < 4; n++) offer('sheddable', { band: BAND.sheddable, keyId: 's' });
    for (let n = 0; n < 60; n++) {
      offer('critical', { band: BAND.critical, keyId: 'c' });
      freeOne();
    }
    expect(log.admitted.filter((name) => name === 'sheddable')).toHaveLength(3);
    expect(log.refused).toEqual([]);
  });

  it('rejects no critical request at 0.3x while sheddable traffic is at 3x, and starves neither', () => {
    const { clock, limiter, queue } = setUp({ limit: 10, serviceMs: 100 });
    const served = { critical: 0, sheddable: 0 };
    const waits: number[] = [];
    let criticalRefused = 0;
    const send = (priority: 'critical' | 'sheddable') => {
      const since = clock.now();
      const run = () => {
        served[priority]++;
        if (priority === 'critical') waits.push(clock.now() - since);
        clock.after(100, () => {
          limiter.release('done');
          queue.dispatch();
        });
      };
      if (queue.tryPass()) {
        run();
        return;
      }
      const refuse = () => void (criticalRefused += priority === 'critical' ? 1 : 0);
      const answer = queue.offer({
        keyId: priority,
        band: BAND[priority],
        tokens: 500,
        bytes: 1,
        remainingMs: 60_000,
        admit: run,
        refuse,
      });
      if (!(answer instanceof QueueEntry)) refuse();
    };
    // Capacity is 100 per second: 300 sheddable and 30 critical.
    for (let tick = 0; tick < 6_000; tick++) {
      for (let n = 0; n < 3; n++) send('sheddable');
      if (tick % 10 < 3) send('critical');
      clock.advanceSync(10);
    }
    expect(criticalRefused).toBe(0);
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.99)]).toBeLessThan(100);
    expect(served.critical).toBe(1_800);
    expect(served.sheddable).toBeGreaterThan(1_000);
  });

  it('gives a key with one request its turn before the 100 of another', () => {
    const { fill, offer, freeOne, log } = setUp({ limit: 1, settings: { maxKeyShare: 1 } });
    fill();
    for (let n = 0; n < 15; n++) offer(`hog${n}`, { keyId: 'hog', tokens: 1_000 });
    offer('one', { keyId: 'small', tokens: 1_000 });
    freeOne();
    freeOne();
    expect(log.admitted).toContain('one');
  });

  it('shares tokens, not requests, evenly among keys', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 40, maxLength: 100 }),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 40, maxLength: 100 }),
        (costsA, costsB) => {
          const { fill, offer, freeOne, log } = setUp({ limit: 1, settings: { maxKeyShare: 1 } });
          fill();
          const coming = { a: costsA, b: costsB };
          const sent = { a: 0, b: 0 };
          const waiting = { a: 0, b: 0 };
          const served = { a: 0, b: 0 };
          for (;;) {
            // Both keys always have two waiting, so that neither loses its deficit by an empty queue.
            for (const keyId of ['a', 'b'] as const) {
              for (; waiting[keyId] < 2; waiting[keyId]++) {
                const tokens = coming[keyId][sent[keyId]++];
                if (tokens === undefined) return;
                expect(offer(`${keyId} ${tokens}`, { keyId, tokens })).toBeInstanceOf(QueueEntry);
              }
            }
            freeOne();
            const [name, tokens] = log.admitted.at(-1)!.split(' ');
            const keyId = name as 'a' | 'b';
            waiting[keyId]--;
            served[keyId] += Number(tokens);
            // Deficit round robin's bound: quantum + largest cost, for each of the two.
            expect(Math.abs(served.a - served.b)).toBeLessThanOrEqual(2 * (1_000 + 9_000));
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('AdmissionQueue, leaving', () => {
  it('forgets a cancelled entry at once and never admits it', () => {
    const { fill, offer, queue, freeOne, log, clock } = setUp({ limit: 1 });
    fill();
    const entries = Array.from({ length: 16 }, (_, n) => offer(`gone${n}`) as QueueEntry);
    for (const entry of entries) queue.cancel(entry);
    queue.cancel(entries[0]!);
    expect([queue.length, queue.bytes, clock.pending]).toEqual([0, 0, 0]);
    freeOne();
    expect(log).toEqual({ admitted: [], refused: [] });
  });

  it('refuses who has waited as long as it may, with one timer for all', () => {
    const { fill, offer, log, clock } = setUp({ limit: 1 });
    fill();
    for (let n = 0; n < 10; n++) {
      offer(`w${n}`);
      clock.advanceSync(10);
    }
    expect(clock.pending).toBe(1);
    clock.advanceSync(2_000 - 100);
    expect(log.refused).toEqual([['w0', 'timeout']]);
    clock.advanceSync(200);
    expect(log.refused).toHaveLength(10);
    expect(clock.pending).toBe(0);
  });

  it('gives the slot back when all that waited had expired', () => {
    const { fill, offer, log, clock, limiter, queue } = setUp({ limit: 1 });
    fill();
    offer('early', { remainingMs: 2 });
    clock.advanceSync(3);
    limiter.release('done');
    queue.dispatch();
    expect(log).toEqual({ admitted: [], refused: [['early', 'timeout']] });
    expect(limiter.inFlight).toBe(0);
  });

  it('turns to newest first and to waits of 500 ms once a queue stands, and back when it was empty', () => {
    const { fill, offer, queue, freeOne, log, clock } = setUp({ limit: 1 });
    fill();
    offer('old', { keyId: 'b' });
    for (let tick = 0; tick < 13; tick++) {
      offer(`t${tick}`);
      clock.advanceSync(100);
      if (tick % 4 === 3) freeOne();
    }
    expect(queue.standing).toBe(true);
    // Who had waited over 500 ms when it began to stand has been refused.
    expect(log.refused.map(([name]) => name)).toContain('t3');
    offer('newest');
    const before = log.admitted.length;
    freeOne();
    expect(log.admitted.slice(before)).toEqual(['newest']);
    while (queue.length > 0) freeOne();
    expect(queue.standing).toBe(false);
  });

  it('does not take a burst for a standing queue', () => {
    const { fill, offer, queue, freeOne, clock } = setUp({ limit: 1 });
    fill();
    offer('x');
    for (let n = 0; n < 50; n++) {
      offer(`q${n}`);
      freeOne();
      clock.advanceSync(100);
    }
    expect(queue.standing).toBe(false);
  });
});

describe('AdmissionQueue, always', () => {
  it('ends every entry once and comes back to nothing', () => {
    const step = fc.record({
      action: fc.constantFrom('offer', 'free', 'cancel', 'wait'),
      key: fc.integer({ min: 0, max: 5 }),
      band: fc.integer({ min: 0, max: 2 }),
      tokens: fc.integer({ min: 0, max: 200_000 }),
      ms: fc.integer({ min: 0, max: 700 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { clock, limiter, queue, offer } = setUp({ limit: 2, serviceMs: 100 });
        const ends = new Map<number, number>();
        const entries: QueueEntry[] = [];
        const ids = new Map<QueueEntry, number>();
        let running = 0;
        const end = (id: number) => ends.set(id, (ends.get(id) ?? 0) + 1);
        steps.forEach(({ action, key, band, tokens, ms }, id) => {
          if (action === 'offer') {
            if (queue.tryPass()) {
              running++;
              return;
            }
            const admit = () => {
              running++;
              end(id);
            };
            const entry = offer('', { keyId: `k${key}`, band, tokens, bytes: ms, admit, refuse: () => end(id) });
            if (entry instanceof QueueEntry) {
              entries.push(entry);
              ids.set(entry, id);
              ends.set(id, ends.get(id) ?? 0);
            }
          } else if (action === 'free' && running > 0) {
            running--;
            limiter.release('done');
            queue.dispatch();
          } else if (action === 'cancel') {
            const entry = entries.find(({ queued }) => queued);
            if (entry) {
              queue.cancel(entry);
              end(ids.get(entry)!);
            }
          } else if (action === 'wait') clock.advanceSync(ms);
          expect(limiter.inFlight).toBe(running);
          expect(queue.length).toBe(entries.filter(({ queued }) => queued).length);
          expect(queue.length).toBeLessThanOrEqual(16);
        });
        clock.advanceSync(10_000);
        expect([...ends.values()].every((count) => count === 1)).toBe(true);
        expect([queue.length, queue.bytes, clock.pending]).toEqual([0, 0, 0]);
      }),
    );
  });
});
