import { describe, expect, it, vi } from 'vitest';
import { UpstreamFailure } from '../kernel/upstream.js';
import { UpstreamExchange } from './upstream-exchange.js';

const failure = new UpstreamFailure('fault', 'reset', 'same');

function exchangeOf() {
  const control = { abort: vi.fn(), resume: vi.fn() };
  const exchange = new UpstreamExchange();
  exchange.control(control);
  return { exchange, control };
}

describe('UpstreamExchange', () => {
  it('hands out all bytes since the last read, then the end', async () => {
    const { exchange } = exchangeOf();
    exchange.onData(Buffer.from('a'));
    exchange.onData(Buffer.from('b'));
    expect(String(await exchange.read())).toBe('ab');
    const next = exchange.read();
    exchange.onData(Buffer.from('c'));
    expect(String(await next)).toBe('c');
    const last = exchange.read();
    exchange.onEnd();
    expect(await last).toBeUndefined();
  });

  it('wakes whoever waits for the head, and for bytes, when it fails', async () => {
    const waiting = exchangeOf();
    const head = waiting.exchange.head();
    waiting.exchange.fail(failure);
    await expect(head).rejects.toBe(failure);
    await expect(waiting.exchange.read()).rejects.toBe(failure);
    expect(waiting.control.abort).toHaveBeenCalledOnce();
  });

  it('keeps the first failure, and ignores one after the end', async () => {
    const { exchange } = exchangeOf();
    exchange.fail(failure);
    exchange.fail(new UpstreamFailure('ignored', 'cancelled', 'never'));
    await expect(exchange.head()).rejects.toBe(failure);
    const ended = exchangeOf();
    ended.exchange.onEnd();
    ended.exchange.fail(failure);
    expect(ended.exchange.failed).toBe(false);
    expect(ended.control.abort).not.toHaveBeenCalled();
  });

  it('aborts a producer that can be steered only after the failure', () => {
    const exchange = new UpstreamExchange();
    exchange.discard();
    const control = { abort: vi.fn(), resume: vi.fn() };
    exchange.control(control);
    expect(control.abort).toHaveBeenCalledOnce();
  });

  it('tells the producer to pause above 256 KiB, and to go on once they were read', async () => {
    const { exchange, control } = exchangeOf();
    expect(exchange.onData(Buffer.alloc(256 * 1024))).toBe(true);
    expect(exchange.onData(Buffer.alloc(1))).toBe(false);
    expect((await exchange.read())?.length).toBe(256 * 1024 + 1);
    expect(control.resume).toHaveBeenCalledOnce();
    expect(exchange.onData(Buffer.alloc(1))).toBe(true);
  });

  it('reads a whole body up to its bound, and lets go of one above it', async () => {
    const fits = exchangeOf().exchange;
    fits.onData(Buffer.from('12345'));
    fits.onEnd();
    expect(String(await fits.readAll(5))).toBe('12345');
    const early = exchangeOf();
    early.exchange.onData(Buffer.from('123456'));
    await expect(early.exchange.readAll(5)).rejects.toMatchObject({ reason: 'too_large' });
    const late = exchangeOf();
    const body = late.exchange.readAll(5);
    late.exchange.onData(Buffer.from('123456'));
    await expect(body).rejects.toMatchObject({ reason: 'too_large' });
    for (const { control } of [early, late]) expect(control.abort).toHaveBeenCalledOnce();
  });

  it('lends a body that came at once to whoever waits for the whole, and keeps a copy for everybody else', async () => {
    const room = Buffer.from('whole');
    const lent = exchangeOf().exchange;
    let seen = '';
    lent.whenWhole(5, (_failure, body) => (seen = body.buffer === room.buffer ? body.toString() : 'a copy'));
    lent.onWhole(room);
    const asked = exchangeOf().exchange;
    const body = asked.readAll(5);
    asked.onWhole(room);
    const early = exchangeOf().exchange;
    early.onWhole(room);
    room.fill('#');
    expect(seen).toBe('whole');
    expect(String(await body)).toBe('whole');
    expect([String(await early.read()), await early.read()]).toEqual(['whole', undefined]);
  });

  it('keeps a copy of a long body that came at once: it leaves as it is', () => {
    const { exchange } = exchangeOf();
    const room = Buffer.alloc(8 * 1024 + 1, 'a');
    const bodies: Buffer[] = [];
    exchange.whenWhole(room.length, (_failure, body) => bodies.push(body));
    exchange.onWhole(room);
    room.fill('#');
    expect(bodies.map((body) => body.toString('latin1', 0, 1))).toEqual(['a']);
  });

  it('refuses a body above its bound that came at once, and leaves its connection to the next', async () => {
    const { exchange, control } = exchangeOf();
    const body = exchange.readAll(5);
    exchange.onWhole(Buffer.from('123456'));
    await expect(body).rejects.toMatchObject({ reason: 'too_large' });
    expect(control.abort).not.toHaveBeenCalled();
  });

  it('refuses a body above its bound that was complete before it was read', async () => {
    const { exchange } = exchangeOf();
    exchange.onData(Buffer.from('123456'));
    exchange.onEnd();
    await expect(exchange.readAll(5)).rejects.toMatchObject({ reason: 'too_large' });
  });

  it('steers nobody after the end: the connection may carry another exchange', async () => {
    const { exchange, control } = exchangeOf();
    exchange.onData(Buffer.alloc(300 * 1024));
    exchange.onEnd();
    await exchange.read();
    exchange.discard();
    expect(control.resume).not.toHaveBeenCalled();
    expect(control.abort).not.toHaveBeenCalled();
  });

  it('lets a producer go on that was paused before the whole body was asked for', async () => {
    const { exchange, control } = exchangeOf();
    exchange.onData(Buffer.alloc(300 * 1024));
    const body = exchange.readAll(1024 * 1024);
    expect(control.resume).toHaveBeenCalledOnce();
    exchange.onEnd();
    expect((await body).length).toBe(300 * 1024);
  });
});
