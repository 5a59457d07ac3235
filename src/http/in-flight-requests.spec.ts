import { describe, expect, it } from 'vitest';
import { RequestContext } from '../kernel/request-context.js';
import { type Principal, type Snapshot } from '../kernel/snapshot.js';
import { InFlightRequests } from './in-flight-requests.js';

function context(id = 'r'): RequestContext {
  return new RequestContext(id, id, 0, 1_000, {} as Snapshot, {} as Principal, undefined);
}

describe('InFlightRequests', () => {
  it('counts a request from its opening to its end', () => {
    const requests = new InFlightRequests();
    const ctx = context();
    requests.add(ctx);
    expect(requests.count).toBe(1);
    ctx.close();
    ctx.close();
    expect(requests.count).toBe(0);
  });

  it('is idle when the last has ended, and at once where none began', async () => {
    const requests = new InFlightRequests();
    await requests.idle();
    const [first, second] = [context('1'), context('2')];
    for (const ctx of [first, second]) requests.add(ctx);
    let idle = false;
    const waiting = requests.idle().then(() => (idle = true));
    first.close();
    await Promise.resolve();
    expect(idle).toBe(false);
    second.close();
    await waiting;
    expect(idle).toBe(true);
  });

  it('ends all that are left with the shut-down', () => {
    const requests = new InFlightRequests();
    const [running, ended] = [context('1'), context('2')];
    const told: string[] = [];
    for (const ctx of [running, ended]) {
      ctx.abortBy(({ reason, retryable }) => told.push(`${ctx.id} ${reason} ${retryable}`));
      requests.add(ctx);
    }
    ended.close();
    requests.abortAll();
    expect(told).toEqual(['1 shutting_down never']);
  });
});
