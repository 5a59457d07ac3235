import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { ProcessStrain } from './process-strain.js';

function setUp() {
  const clock = new ManualClock();
  const blocks: number[] = [];
  return { clock, blocks, strain: new ProcessStrain(clock, (ms) => blocks.push(ms)) };
}

describe('ProcessStrain', () => {
  it('blocks the event loop at its interval until it is relieved', () => {
    const { clock, blocks, strain } = setUp();
    strain.apply([{ type: 'event_loop_block', ms: 300, everyMs: 1_000 }]);
    clock.advanceSync(3_500);
    expect(blocks).toEqual([300, 300, 300]);
    strain.apply([]);
    clock.advanceSync(3_500);
    expect(blocks).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('holds memory until it is relieved', () => {
    const { strain } = setUp();
    strain.apply([{ type: 'memory', bytes: 1_000 }]);
    expect(strain.heldBytes).toBe(1_000);
    strain.apply([]);
    expect(strain.heldBytes).toBe(0);
  });
});
