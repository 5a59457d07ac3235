import { describe, expect, it } from 'vitest';
import { anEndedRequest } from '../../test/support/ended-request.js';
import { classOf } from './request-class.js';

describe('the class of a request', () => {
  it.each([
    ['good', 'completed', 200, undefined, 'default'],
    ['bad', 'broken', 200, 'upstream_error', 'default'],
    ['bad', 'failed', 502, 'upstream_error', 'sheddable'],
    ['bad', 'failed', 503, 'overloaded', 'default'],
    ['excluded', 'failed', 503, 'overloaded', 'sheddable'],
    ['excluded', 'refused', 429, 'rate_limit_exceeded', 'critical'],
    ['excluded', 'cancelled', 499, undefined, 'default'],
    ['excluded', 'cancelled', 200, undefined, 'default'],
  ] as const)('is %s for one that %s with %i %s in band %s', (expected, end, status, code, priority) => {
    expect(classOf(anEndedRequest({ end, status, code }, { priority }))).toBe(expected);
  });
});
