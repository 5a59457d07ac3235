import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { targetOf } from '../../test/support/target.js';
import { breakerTransitions } from '../kernel/channels.js';
import { BreakerLog } from './breaker-log.js';

afterEach(() => vi.restoreAllMocks());

describe('BreakerLog', () => {
  it('writes one line for each change, as a warning where a target is lost', () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const log = vi.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const subject = new BreakerLog();
    subject.onModuleInit();
    const target = targetOf('openai');
    breakerTransitions.publish({ target, from: 'closed', to: 'open', reason: 'consecutiveFaults', openMs: 2_999.6 });
    breakerTransitions.publish({ target, from: 'open', to: 'halfOpen', reason: 'openElapsed', openMs: 0 });
    subject.onModuleDestroy();
    breakerTransitions.publish({ target, from: 'halfOpen', to: 'closed', reason: 'probesSucceeded', openMs: 0 });
    const opened = { msg: 'breaker', target: target.id, from: 'closed', to: 'open', reason: 'consecutiveFaults' };
    expect(warn.mock.calls).toEqual([[{ ...opened, openMs: 3_000 }]]);
    expect(log.mock.calls).toEqual([[expect.objectContaining({ to: 'halfOpen', reason: 'openElapsed' })]]);
  });
});
