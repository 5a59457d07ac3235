import { describe, expect, it } from 'vitest';
import { ERROR_TABLE, type ErrorCode, GatewayError } from './gateway-error.js';

const CODES = Object.keys(ERROR_TABLE) as ErrorCode[];

describe('GatewayError', () => {
  it.each(CODES)('%s is an error in the shape of OpenAI', (code) => {
    const error = new GatewayError(code);
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(600);
    expect(error.toObject()).toEqual({ message: ERROR_TABLE[code].message, type: error.type, param: null, code });
    for (const name of Object.keys(error.headers)) expect(name).toBe(name.toLowerCase());
  });

  it('says what is more precise than the table, and keeps what it does not say', () => {
    const error = new GatewayError('upstream_invalid_request', {
      message: 'Bad image.',
      param: 'messages[0].content',
      status: 422,
      type: 'image_parse_error',
      publicCode: null,
    });
    expect(error.status).toBe(422);
    expect(error.headers).toEqual({ 'x-should-retry': 'false' });
    expect(error.toObject()).toEqual({
      message: 'Bad image.',
      type: 'image_parse_error',
      param: 'messages[0].content',
      code: null,
    });
  });

  it("adds headers to the code's own, and lets them win", () => {
    const error = new GatewayError('shutting_down', { headers: { 'retry-after': '9', 'x-more': '1' } });
    expect(error.headers).toEqual({ connection: 'close', 'retry-after': '9', 'x-more': '1' });
    expect(new GatewayError('shutting_down').headers['retry-after']).toBe('1');
  });

  it('keeps its cause to itself', () => {
    const error = new GatewayError('internal_error', { cause: new Error('secret detail') });
    expect(error.cause).toBeInstanceOf(Error);
    expect(JSON.stringify(error.toObject())).not.toContain('secret');
  });
});
