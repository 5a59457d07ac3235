import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { Lease, LeaseQueue } from './lease-queue.js';

/** Takes all that has ended. */
function ended(queue: LeaseQueue<string>, nowUs: number): string[] {
  const owners: string[] = [];
  for (let lease = queue.takeEnded(nowUs); lease; lease = queue.takeEnded(nowUs)) owners.push(lease.owner);
  return owners;
}

describe('a queue of leases', () => {
  it('gives those that have ended, the oldest first, and no other', () => {
    const queue = new LeaseQueue<string>();
    for (const [owner, endUs] of [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ] as const)
      queue.hold(new Lease(owner), endUs);
    expect(queue.first?.owner).toBe('a');
    expect(ended(queue, 20)).toEqual(['a', 'b']);
    expect([queue.size, queue.first?.owner]).toEqual([1, 'c']);
  });

  it('puts a renewed lease behind the others', () => {
    const queue = new LeaseQueue<string>();
    const [a, b] = [new Lease('a'), new Lease('b')];
    queue.hold(a, 10);
    queue.hold(b, 20);
    queue.hold(a, 30);
    expect([queue.size, ...ended(queue, 100)]).toEqual([2, 'b', 'a']);
  });

  it('forgets a lease that is removed, once', () => {
    const queue = new LeaseQueue<string>();
    const leases = ['a', 'b', 'c'].map((owner) => new Lease(owner));
    leases.forEach((lease, at) => queue.hold(lease, at));
    queue.remove(leases[1]!);
    queue.remove(leases[1]!);
    queue.remove(new Lease('never held'));
    expect([queue.size, ...ended(queue, 100)]).toEqual([2, 'a', 'c']);
    expect(queue.first).toBeUndefined();
  });

  it('holds what an ordered map would hold', () => {
    const step = fc.record({ owner: fc.integer({ min: 0, max: 5 }), act: fc.constantFrom('hold', 'remove', 'pass') });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queue = new LeaseQueue<number>();
        const leases = Array.from({ length: 6 }, (_, owner) => new Lease(owner));
        const model = new Map<number, number>();
        steps.forEach(({ owner, act }, at) => {
          if (act === 'pass') {
            for (let lease = queue.takeEnded(at); lease; lease = queue.takeEnded(at)) {
              expect(model.get(lease.owner)).toBeLessThanOrEqual(at);
              model.delete(lease.owner);
            }
            expect([...model.values()].every((endUs) => endUs > at)).toBe(true);
            return;
          }
          model.delete(owner);
          if (act === 'hold') {
            queue.hold(leases[owner]!, at + 3);
            model.set(owner, at + 3);
          } else queue.remove(leases[owner]!);
        });
        const rest: number[] = [];
        for (let lease = queue.takeEnded(Infinity); lease; lease = queue.takeEnded(Infinity)) rest.push(lease.owner);
        expect(rest).toEqual([...model.keys()]);
      }),
    );
  });
});
