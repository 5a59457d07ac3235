import { type Clock } from '../../kernel/clock.js';
import { type Provider, type SimulatedSettings } from '../../kernel/snapshot.js';
import { UpstreamFailure } from '../../kernel/upstream.js';
import { type UpstreamCall, type UpstreamTransport } from '../upstream-client.js';
import { ResponseHead } from '../response-head.js';
import { UpstreamExchange } from '../upstream-exchange.js';
import { ScriptPlayer, type ScriptSink } from './script-player.js';
import { type Script, simulate } from './simulated-engine.js';

export const SIMULATED_DEFAULTS: SimulatedSettings = {
  firstTokenMs: 50,
  tokenMs: 10,
  tokens: 32,
  errorRate: 0,
  seed: 1,
};

/** Plays the simulated engine inside the process: no socket, but the same bytes, pace and faults. */
export class SimulatedTransport implements UpstreamTransport {
  #serial = 0;

  constructor(private readonly clock: Clock) {}

  send(provider: Provider, call: UpstreamCall): UpstreamExchange {
    const exchange = new UpstreamExchange();
    const settings = provider.simulated ?? SIMULATED_DEFAULTS;
    const script: Script =
      call.method === 'GET'
        ? { headAfterMs: 0, status: 200, headers: {}, steps: [], end: 'close' }
        : simulate(Buffer.concat(call.body ?? []), settings, this.clock.wall(), this.#serial++);
    const player = new ScriptPlayer(script, sinkOf(exchange), this.clock);
    exchange.control({ abort: () => player.stop(), resume: () => undefined });
    player.start();
    return exchange;
  }
}

function sinkOf(exchange: UpstreamExchange): ScriptSink {
  return {
    head: (status, headers) => exchange.onHead(ResponseHead.of(status, headers)),
    data: (text) => void exchange.onData(Buffer.from(text)),
    end: () => exchange.onEnd(),
    cut: () => {
      const reason = exchange.headReceived ? 'truncated' : 'reset';
      exchange.fail(new UpstreamFailure('fault', reason, 'same'));
    },
  };
}
