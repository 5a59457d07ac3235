import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UpstreamFailure } from '../kernel/upstream.js';
import { SseDecoder, type SseEvent } from './sse-decoder.js';

function decode(chunks: readonly Buffer[], maxEventBytes?: number, ended = true): SseEvent[] {
  const decoder = new SseDecoder(maxEventBytes);
  const out: SseEvent[] = [];
  for (const chunk of chunks) decoder.push(chunk, out);
  if (ended) decoder.end(out);
  return out;
}
const whole = (text: string) => decode([Buffer.from(text)], undefined, false);
const data = (text: string) => whole(text).map((event) => event.data);
const bytewise = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

/** Cuts bytes at the given positions. */
function cut(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const edges = [0, ...positions.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

/** The events as the HTML standard words them: a slow second opinion on text that is all there. */
function reference(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  let values: string[] = [];
  let event = '';
  for (const line of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .slice(0, -1)) {
    if (line === '') {
      if (values.length > 0) events.push({ data: values.join('\n'), event: event || undefined });
      values = [];
      event = '';
      continue;
    }
    const [, name, value] = /^([^:]*)(?:: ?(.*))?$/su.exec(line)!;
    if (name === 'data') values.push(value ?? '');
    if (name === 'event') event = value ?? '';
  }
  return events;
}

/** Streams that are mostly right, and all that may go between. */
const line = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary' }).map((value) => `data: ${value.replace(/[\r\n]/g, '')}`) },
  fc.constantFrom('data:', 'data', 'data:  two', 'data:{"a":"é€😀"}', 'event: ping', 'event:x', 'event', 'id: 7'),
  fc.constantFrom('retry: 10', ': comment', ':', 'database: no', 'nonsense', '\uFEFFdata: late mark', 'date: x'),
);
const ending = fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r\r', '\n\r\n');
const stream = fc
  .tuple(
    fc.constantFrom('', '\uFEFF'),
    fc.array(
      fc.tuple(line, ending).map((pair) => pair.join('')),
      { maxLength: 12 },
    ),
  )
  .map(([mark, lines]) => Buffer.from(mark + lines.join('')));

describe('SseDecoder', () => {
  it('takes the data of each event and the name where there is one', () => {
    expect(whole('data: {"a":1}\n\nevent: ping\ndata: {}\n\ndata: [DONE]\n\n')).toEqual([
      { data: '{"a":1}', event: undefined },
      { data: '{}', event: 'ping' },
      { data: '[DONE]', event: undefined },
    ]);
  });

  it('strips one space after the colon and no more, and needs none', () => {
    expect(data('data:x\n\ndata: x\n\ndata:  x\n\n')).toEqual(['x', 'x', ' x']);
  });

  it('joins the data lines of an event by line feeds', () => {
    expect(data('data: a\ndata:\ndata\ndata: b\n\n')).toEqual(['a\n\n\nb']);
  });

  it('gives an event for an empty data line, and none where there is no data line', () => {
    expect(data('data:\n\n\n\nevent: x\n\n: comment\n\nid: 1\nretry: 5\n\n')).toEqual(['']);
  });

  it('forgets the name of an event that had no data', () => {
    expect(whole('event: ping\n\ndata: x\n\n')).toEqual([{ data: 'x', event: undefined }]);
  });

  it('ignores comments, unknown fields and fields that only begin like ours', () => {
    expect(data(': data: no\ndatabase: no\nda: no\ndata: yes\nevents: no\n\n')).toEqual(['yes']);
  });

  it('takes a byte order mark at the very start only', () => {
    expect(data('\uFEFFdata: a\n\n\uFEFFdata: b\n\n')).toEqual(['a']);
    expect(decode(bytewise(Buffer.from('\uFEFFdata: a\n\n')))).toEqual([{ data: 'a', event: undefined }]);
  });

  it.each(['\n', '\r', '\r\n'])('knows %j as a line end, and hands an event out with its last byte', (end) => {
    const decoder = new SseDecoder();
    const out: SseEvent[] = [];
    decoder.push(Buffer.from(`data: a${end}data: b${end}`), out);
    expect(out).toEqual([]);
    // A second CR ends the blank line by itself, whatever follows it.
    decoder.push(Buffer.from(end.slice(0, 1)), out);
    expect(out).toEqual([{ data: 'a\nb', event: undefined }]);
    decoder.push(Buffer.from(`${end.slice(1)}data: c${end}${end}`), out);
    expect(out[1]).toEqual({ data: 'c', event: undefined });
  });

  it('does not take a CR and its LF for two line ends where the read ends between them', () => {
    const chunks = ['data: a\r', '', '\ndata: b\r', '\n\r', '\n'].map((text) => Buffer.from(text));
    expect(decode(chunks, undefined, false)).toEqual([{ data: 'a\nb', event: undefined }]);
  });

  it('gives the same events however the bytes are cut, and those that the standard says', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (bytes, positions) => {
        const expected = reference(bytes.toString());
        expect(decode([bytes], undefined, false)).toEqual(expected);
        expect(decode(bytewise(bytes), undefined, false)).toEqual(expected);
        expect(decode(cut(bytes, positions), undefined, false)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('at a clean end gives the event that lacks only its line ends, and nothing twice', () => {
    const ends = ['', '\n', '\r', '\r\n', '\n\n'];
    for (const end of ends) expect(decode([Buffer.from(`data: [DONE]${end}`)])).toHaveLength(1);
    expect(decode([Buffer.from('event: x')])).toEqual([]);
    expect(decode([])).toEqual([]);
  });

  it('holds back an event that has not ended', () => {
    expect(data('data: {"half":\n')).toEqual([]);
    expect(data('data: {"half":')).toEqual([]);
  });

  it('refuses an event past the limit before it holds more than that', () => {
    const decoder = new SseDecoder(100);
    decoder.push(Buffer.from(`data: ${'x'.repeat(94)}`), []);
    expect(() => decoder.push(Buffer.from('x'), [])).toThrow(UpstreamFailure);
    try {
      decode([Buffer.alloc(2 << 20, 'x')]);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ outcome: 'fault', reason: 'too_large', retryable: 'elsewhere' });
    }
  });

  it('applies the limit to one event, not to the stream or to a read', () => {
    const event = `data: ${'é'.repeat(40)}\n\n`;
    expect(decode([Buffer.from(event.repeat(50))], 90)).toHaveLength(50);
    expect(decode(bytewise(Buffer.from(event.repeat(50))), 90)).toHaveLength(50);
  });

  it('refuses the same events however the bytes are cut', () => {
    const outcome = (chunks: readonly Buffer[]) => {
      try {
        return decode(chunks, 40, false);
      } catch {
        return 'too large';
      }
    };
    const sizes = fc.array(fc.tuple(fc.nat({ max: 22 }), fc.constantFrom('x', 'é'), fc.constantFrom('\n', '\n\n')));
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(), { maxLength: 6 }), (lines, positions) => {
        const bytes = Buffer.from(lines.map(([size, char, end]) => `data: ${char.repeat(size)}${end}`).join(''));
        expect(outcome(cut(bytes, positions))).toEqual(outcome([bytes]));
        expect(outcome(bytewise(bytes))).toEqual(outcome([bytes]));
      }),
      { numRuns: 500 },
    );
  });
});
