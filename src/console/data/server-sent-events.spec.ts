import { describe, expect, it } from 'vitest';
import { EventSplitter } from './server-sent-events';

const TEXT = 'event: status\ndata: {"a":1}\n\n: comment\n\ndata: one\ndata: two\n\ndata: unfinished';
const EVENTS = [
  { event: 'status', data: '{"a":1}' },
  { event: 'message', data: 'one\ntwo' },
];

describe('the splitter of server-sent events', () => {
  it.each(Array.from({ length: TEXT.length }, (_, at) => at))('gives the same events when cut at %i', (at) => {
    const splitter = new EventSplitter();
    expect([...splitter.push(TEXT.slice(0, at)), ...splitter.push(TEXT.slice(at))]).toEqual(EVENTS);
  });

  it('gives an unfinished event once it ends', () => {
    const splitter = new EventSplitter();
    splitter.push(TEXT);
    expect(splitter.push('\n\n')).toEqual([{ event: 'message', data: 'unfinished' }]);
  });
});
