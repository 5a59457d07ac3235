import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type Descriptor, LogSink, MAX_WAITING_BYTES } from './log-sink.js';

type Done = Parameters<Descriptor['write']>[1];

/** Takes what the test lets it take. */
class FakeDescriptor implements Descriptor {
  taken = '';
  /** Writes under way: the sink begins one at a time. */
  readonly underWay: { readonly bytes: Buffer; readonly done: Done }[] = [];
  /** Answers of `writeSync` in turn: bytes that it takes, or the code that it throws; then it takes all. */
  readonly syncAnswers: (number | string)[] = [];

  write(bytes: Buffer, done: Done): void {
    this.underWay.push({ bytes, done });
  }

  writeSync(bytes: Buffer): number {
    const answer = this.syncAnswers.shift() ?? bytes.length;
    if (typeof answer === 'string') throw failure(answer);
    this.taken += bytes.subarray(0, answer).toString();
    return answer;
  }

  /** The system takes so many bytes of the write under way: all, unless told otherwise. */
  take(count?: number): void {
    const { bytes, done } = this.underWay.shift()!;
    const written = count ?? bytes.length;
    this.taken += bytes.subarray(0, written).toString();
    done(null, written);
  }

  fail(code: string): void {
    this.underWay.shift()!.done(failure(code), 0);
  }
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

function setUp(maxWrite = 4) {
  const clock = new ManualClock();
  const to = new FakeDescriptor();
  const sink = new LogSink(to, maxWrite, clock);
  let dropped = 0;
  sink.onDropped = (lines) => (dropped += lines);
  const write = (...lines: string[]): void => {
    for (const line of lines) sink.write(Buffer.from(line));
  };
  return { clock, to, sink, write, dropped: () => dropped };
}

const HALF = `${'é'.repeat(MAX_WAITING_BYTES / 4 - 1)}x\n`;

describe('LogSink', () => {
  it('writes one piece at a time, joins whole entries up to what one write carries, and keeps their order', () => {
    const { to, write } = setUp(4);
    write('1\n', '2\n', '3\n', 'long one\n', '4\n');
    const pieces: string[] = [];
    while (to.underWay.length > 0) {
      expect(to.underWay).toHaveLength(1);
      pieces.push(to.underWay[0]!.bytes.toString());
      to.take();
    }
    expect(pieces).toEqual(['1\n', '2\n3\n', 'long one\n', '4\n']);
  });

  it('goes on with the rest of a piece that the system took in part', () => {
    const { to, write } = setUp();
    write('abc\n', 'd\n');
    to.take(1);
    to.take();
    to.take();
    expect(to.taken).toBe('abc\nd\n');
  });

  it('holds 8 MiB for a reader that reads nothing, counts the lines beyond, and takes lines when it reads again', () => {
    const { to, write, dropped } = setUp();
    write(HALF, HALF, 'a\nb\n');
    expect(dropped()).toBe(2);
    to.take();
    write('c\n');
    to.take();
    to.take();
    expect(to.taken.slice(-4)).toBe('x\nc\n');
    expect(dropped()).toBe(2);
  });

  it('hangs when a write has not been taken for 3 s', () => {
    const { clock, sink, to, write } = setUp();
    clock.advanceSync(5_000);
    write('one\n', 'two\n');
    clock.advanceSync(2_999);
    expect(sink.hangs).toBe(false);
    clock.advanceSync(1);
    expect(sink.hangs).toBe(true);
    to.take();
    expect(sink.hangs).toBe(false);
    to.take();
    clock.advanceSync(3_000);
    expect(sink.hangs).toBe(false);
  });

  it('keeps the lines that a full disk does not take, and tries again with the next', () => {
    const { clock, sink, to, write, dropped } = setUp(100);
    write('one\n');
    to.fail('ENOSPC');
    clock.advanceSync(60_000);
    expect([to.underWay.length, sink.hangs]).toEqual([0, false]);
    write('two\n');
    to.take();
    expect([to.taken, dropped()]).toEqual(['one\ntwo\n', 0]);
  });

  it('tries again after 10 ms where a pipe that does not wait is full', () => {
    const { clock, to, write } = setUp(100);
    write('one\n');
    to.fail('EAGAIN');
    write('two\n');
    clock.advanceSync(9);
    expect(to.underWay).toHaveLength(0);
    clock.advanceSync(1);
    to.take();
    expect(to.taken).toBe('one\ntwo\n');
  });

  it('drops every line once its reader is gone, those that waited, too', () => {
    const { to, write, dropped } = setUp();
    write('one\n', 'two\n');
    to.fail('EPIPE');
    write('three\n');
    expect([to.underWay.length, dropped()]).toEqual([0, 3]);
  });

  it('is settled when all is written, the system refuses or the reader is gone, and not before', () => {
    const { clock, sink, to, write } = setUp();
    expect(sink.settled).toBe(true);
    write('one\n', 'two\n');
    to.take();
    expect(sink.settled).toBe(false);
    to.fail('EAGAIN');
    expect(sink.settled).toBe(false);
    clock.advanceSync(10);
    to.take();
    expect(sink.settled).toBe(true);
    for (const code of ['ENOSPC', 'EPIPE']) {
      write('three\n');
      to.fail(code);
      expect(sink.settled).toBe(true);
    }
  });

  it('writes what waits at once when it is closed, and what comes then', () => {
    const { sink, to, write, dropped } = setUp();
    write('under way\n', 'one\n', 'two\n');
    to.syncAnswers.push(1);
    sink.close();
    write('three\n');
    expect([to.taken, to.underWay.length, dropped()]).toEqual(['one\ntwo\nthree\n', 1, 0]);
  });

  it.each(['EPIPE', 'ENOSPC', 'EAGAIN'])('ends, when it is closed, where every write fails with %s', (code) => {
    const { sink, to, write, dropped } = setUp();
    write('under way\n', 'one\n', 'two\n');
    to.syncAnswers.push(code, code, code);
    sink.close();
    write('three\n');
    expect([to.taken, dropped()]).toEqual(['', 3]);
  });

  it('glues no line to one that was cut at the end', () => {
    const { sink, to, write, dropped } = setUp();
    write('under way\n', 'one\n', 'two\n');
    to.syncAnswers.push(2, 'EAGAIN');
    sink.close();
    write('three\n');
    expect([to.taken, dropped()]).toEqual(['on', 3]);
  });
});
