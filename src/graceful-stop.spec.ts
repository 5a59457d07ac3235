import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/support/manual-clock.js';
import { GracefulStop } from './graceful-stop.js';
import { type ProcessLogger } from './observability/logger.js';

function setUp(closing: Promise<void>) {
  const clock = new ManualClock();
  const done: string[] = [];
  const app = {
    getHttpServer: () => ({ closeAllConnections: () => done.push('connections cut') }),
    get: () => ({ network: { close: () => done.push('network closed') } }),
    close: () => closing,
  } as unknown as NestFastifyApplication;
  const log = {
    logger: { warn: (_facts: object, message: string) => done.push(message) },
    end: () => {
      done.push('log ended');
      return Promise.resolve();
    },
  } as unknown as ProcessLogger;
  return { clock, done, stop: new GracefulStop(app, app, log, clock) };
}

describe('GracefulStop', () => {
  it('closes everything, the log last', async () => {
    const { done, stop } = setUp(Promise.resolve());
    await stop.close();
    expect(done).toEqual(['connections cut', 'connections cut', 'network closed', 'log ended']);
  });

  it('closes where a store fails to', async () => {
    const { done, stop } = setUp(Promise.reject(new Error('gone')));
    await stop.close();
    expect(done.at(-1)).toBe('log ended');
  });

  it('ends after 5 s, and says so, where a listener or a store does not close', async () => {
    const { clock, done, stop } = setUp(new Promise(() => undefined));
    let ended = false;
    void stop.close().then(() => (ended = true));
    await clock.advance(4_999);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(ended).toBe(true);
    expect(done.slice(3)).toEqual(['not closed in time', 'log ended']);
  });
});
