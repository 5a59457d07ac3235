import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ProcessLogger } from './observability/logger.js';
import { handleSignals } from './signals.js';

const EVENTS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection'];

describe('handleSignals', () => {
  const before = new Map(EVENTS.map((event) => [event, process.listeners(event as NodeJS.Signals)]));
  let exits: unknown[];
  beforeEach(() => {
    exits = [];
    vi.spyOn(process, 'exit').mockImplementation(((code: unknown) => exits.push(code)) as never);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
    for (const [event, listeners] of before) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener);
    }
  });

  const told: string[] = [];
  const handle = (drain: () => Promise<void>): void => {
    const logger = { fatal: (_facts: object, message: string) => told.push(message) };
    handleSignals(
      { drain, log: { logger, end: () => Promise.resolve() } as unknown as ProcessLogger },
      () => undefined,
    );
  };

  it('ends with 0 when the drain is over', async () => {
    handle(() => Promise.resolve());
    process.emit('SIGTERM', 'SIGTERM');
    await vi.waitFor(() => expect(exits).toEqual([0]));
  });

  it('ends with 1, and says so, where the drain fails', async () => {
    handle(() => Promise.reject(new Error('broken')));
    process.emit('SIGTERM', 'SIGTERM');
    await vi.waitFor(() => expect(exits).toEqual([1]));
    expect(told).toEqual(['the drain failed']);
  });

  it('ends while the drain goes on when another signal comes', async () => {
    handle(() => new Promise(() => undefined));
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGINT', 'SIGINT');
    await vi.waitFor(() => expect(exits).toEqual([0]));
  });
});
