import { describe, expect, it } from 'vitest';
import { LineBuffer } from './line-buffer.js';

function buffered(flushAbove: number) {
  const written: string[] = [];
  return {
    written,
    buffer: new LineBuffer({ write: (lines) => written.push(lines.toString()) }, flushAbove, 3 * flushAbove),
  };
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
    buffer.flush();
    buffer.flush();
    expect(written).toEqual(['a\n']);
  });

  it('keeps every character, of a line that is larger than its room, too, and the order of all', () => {
    const { written, buffer } = buffered(10);
    const lines = ['a\n', `${'\u{1F642}é'.repeat(50)}\n`, 'ü\n', 'b\n'];
    for (const line of lines) buffer.write(line);
    buffer.flush();
    expect(written.join('')).toBe(lines.join(''));
  });

  it('hands on no piece that is larger than its room, however long the line that comes next', () => {
    const { written, buffer } = buffered(20);
    buffer.write(`${'a'.repeat(18)}\n`);
    buffer.write(`${'b'.repeat(18)}\n`);
    buffer.flush();
    expect(written).toEqual([`${'a'.repeat(18)}\n`, `${'b'.repeat(18)}\n`]);
  });
});
