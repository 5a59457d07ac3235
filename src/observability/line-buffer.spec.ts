import { describe, expect, it } from 'vitest';
import { LineBuffer } from './line-buffer.js';

function buffered(flushAbove: number) {
  const written: string[] = [];
  return { written, buffer: new LineBuffer({ write: (lines) => written.push(lines) }, flushAbove) };
}

describe('LineBuffer', () => {
  it('hands lines on in one piece, in their order, once they are worth a write', () => {
    const { written, buffer } = buffered(5);
    buffer.write('ab\n');
    expect(written).toEqual([]);
    buffer.write('cd\n');
    expect(written).toEqual(['ab\ncd\n']);
  });

  it('hands on whatever waits when it is told to, and nothing where nothing waits', () => {
    const { written, buffer } = buffered(100);
    buffer.write('a\n');
    expect([buffer.flush(), buffer.flush()]).toEqual([true, false]);
    expect(written).toEqual(['a\n']);
  });
});
