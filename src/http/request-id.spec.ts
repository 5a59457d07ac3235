import { describe, expect, it } from 'vitest';
import { requestIdOf, traceparentOf } from './request-id.js';

const given = (id: string) => requestIdOf({ headers: { 'x-request-id': id } }, 1);

describe('requestIdOf', () => {
  it.each(['my-custom-request-123', 'A.b_c-9', 'x'.repeat(128)])('keeps %s', (id) => {
    expect(given(id)).toBe(id);
  });

  it.each(['', 'x'.repeat(129), 'a b', 'a,b', 'ä', 'a\n', '<script>'])('replaces %j', (id) => {
    expect(given(id)).toMatch(/^req_[0-9A-Z]{26}$/);
  });

  it('makes one where none is given', () => {
    expect(requestIdOf({ headers: {} }, 1)).toMatch(/^req_/);
  });
});

describe('traceparentOf', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const span = 'b7ad6b7169203331';

  it('keeps a valid one', () => {
    const traceparent = `00-${trace}-${span}-01`;
    expect(traceparentOf({ headers: { traceparent } })).toBe(traceparent);
  });

  it.each([
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `01-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-01-more`,
    '',
  ])('drops %j', (traceparent) => {
    expect(traceparentOf({ headers: { traceparent } })).toBeUndefined();
  });
});
