import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { LogSink, MAX_WAITING_BYTES } from './log-sink.js';

class FakeDestination extends EventEmitter {
  taken = 0;

  write(lines: Buffer): void {
    this.taken += lines.length;
  }
}

function setUp() {
  const clock = new ManualClock();
  const destination = new FakeDestination();
  const sink = new LogSink(destination, clock);
  let dropped = 0;
  sink.onDropped = (lines) => (dropped += lines);
  return { clock, destination, sink, dropped: () => dropped };
}

const HALF = Buffer.from(`${'é'.repeat(MAX_WAITING_BYTES / 4 - 1)}x\n`);

describe('LogSink', () => {
  it('holds 8 MiB for a reader that reads nothing, and counts the lines beyond', () => {
    const { destination, sink, dropped } = setUp();
    sink.write(HALF);
    sink.write(HALF);
    expect([destination.taken, dropped()]).toEqual([MAX_WAITING_BYTES, 0]);
    sink.write(Buffer.from('a\nb\n'));
    expect([destination.taken, dropped()]).toEqual([MAX_WAITING_BYTES, 2]);
  });

  it('takes lines again when the reader reads again', () => {
    const { destination, sink, dropped } = setUp();
    sink.write(HALF);
    sink.write(HALF);
    destination.emit('write', 2);
    sink.write(Buffer.from('a\n'));
    expect([destination.taken, dropped()]).toEqual([MAX_WAITING_BYTES + 2, 0]);
  });

  it('hangs when nothing was taken for a second, and no longer when something was', () => {
    const { clock, destination, sink } = setUp();
    clock.advanceSync(5_000);
    sink.write(Buffer.from('one\n'));
    clock.advanceSync(999);
    expect(sink.hangs).toBe(false);
    clock.advanceSync(1);
    expect(sink.hangs).toBe(true);
    destination.emit('write', 2);
    expect(sink.hangs).toBe(false);
    clock.advanceSync(1_000);
    expect(sink.hangs).toBe(true);
    destination.emit('write', 2);
    clock.advanceSync(1_000);
    expect(sink.hangs).toBe(false);
  });

  it('does not hang where writes fail, and goes on trying', () => {
    const { clock, destination, sink, dropped } = setUp();
    sink.write(Buffer.from('one\n'));
    destination.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' }));
    clock.advanceSync(1_000);
    expect(sink.hangs).toBe(false);
    sink.write(Buffer.from('two\n'));
    expect([destination.taken, dropped()]).toEqual([8, 0]);
  });

  it('drops every line once its reader is gone', () => {
    const { destination, sink, dropped } = setUp();
    destination.emit('error', Object.assign(new Error('gone'), { code: 'EPIPE' }));
    sink.write(Buffer.from('one\n'));
    expect([destination.taken, dropped()]).toEqual([0, 1]);
  });
});
