import { describe, expect, it } from 'vitest';
import { finishedReading, giveBack, startReading } from './returned-memory.js';

const KIB = 1024;

describe('giveBack', () => {
  it('empties a large buffer, every view of it, and what V8 counts of it', () => {
    const bytes = Buffer.allocUnsafeSlow(64 * 1024 * KIB);
    const view = bytes.subarray(1, 100);
    const before = process.memoryUsage().arrayBuffers;
    giveBack(bytes);
    expect([bytes.length, view.length]).toEqual([0, 0]);
    expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThan(60 * 1024 * KIB);
  });

  it.each([
    ['a small one', () => Buffer.allocUnsafeSlow(32 * KIB - 1)],
    ['a part of a larger one', () => Buffer.allocUnsafeSlow(65 * KIB).subarray(0, 64 * KIB)],
    ['one of a pool', () => Buffer.from('abc')],
    ['shared memory', () => Buffer.from(new SharedArrayBuffer(64 * KIB))],
  ])('leaves %s alone', (_name, make) => {
    const bytes = make();
    const { length } = bytes;
    giveBack(bytes);
    expect(bytes).toHaveLength(length);
  });

  it('may be called twice', () => {
    const bytes = Buffer.allocUnsafeSlow(64 * KIB);
    giveBack(bytes);
    giveBack(bytes);
    expect(bytes).toHaveLength(0);
  });

  it('waits for the last who reads any part of it', () => {
    const bytes = Buffer.allocUnsafeSlow(64 * KIB);
    const pieces = [bytes.subarray(0, 10), Buffer.from('small'), bytes.subarray(20, 30)];
    startReading(pieces);
    startReading([bytes]);
    giveBack(bytes);
    finishedReading(pieces);
    expect(bytes).toHaveLength(64 * KIB);
    finishedReading([bytes]);
    expect(bytes).toHaveLength(0);
  });

  it('keeps what was read, until its owner gives it back', () => {
    const bytes = Buffer.allocUnsafeSlow(64 * KIB);
    startReading([bytes]);
    finishedReading([bytes]);
    expect(bytes).toHaveLength(64 * KIB);
    giveBack(bytes);
    expect(bytes).toHaveLength(0);
  });
});
