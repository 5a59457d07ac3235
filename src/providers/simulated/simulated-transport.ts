import { type Clock, type Timer } from '../../kernel/clock.js';
import { type Provider, type SimulatedSettings } from '../../kernel/snapshot.js';
import { UpstreamFailure } from '../../kernel/upstream.js';
import { type UpstreamCall, type UpstreamTransport } from '../upstream-client.js';
import { ResponseHead, UpstreamExchange } from '../upstream-exchange.js';
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
        : simulate(call.body ?? Buffer.alloc(0), settings, this.clock.wall(), this.#serial++);
    new ScriptPlayer(script, exchange, this.clock).start();
    return exchange;
  }
}

/** Plays one script into an exchange; steps without delay go out as one read, as a socket would deliver them. */
class ScriptPlayer {
  #at = 0;
  #timer: Timer | undefined;

  constructor(
    private readonly script: Script,
    private readonly exchange: UpstreamExchange,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.exchange.control({ abort: () => this.#timer?.cancel(), resume: () => undefined });
    if (this.script.headAfterMs !== Infinity) this.#after(this.script.headAfterMs, () => this.#head());
    else if (this.script.end === 'cut') this.#after(0, () => this.#cut());
  }

  #head(): void {
    const { status, headers } = this.script;
    this.exchange.onHead(new ResponseHead(status, Object.entries(headers).flat()));
    this.#play();
  }

  #play(): void {
    const { steps } = this.script;
    let text = '';
    for (; this.#at < steps.length; this.#at++) {
      const step = steps[this.#at];
      if (!step) break;
      if (step.afterMs > 0 && this.#waited !== this.#at) {
        this.#send(text);
        this.#waited = this.#at;
        this.#after(step.afterMs, () => this.#play());
        return;
      }
      text += step.text;
    }
    this.#send(text);
    if (this.script.end === 'close') this.exchange.onEnd();
    else if (this.script.end === 'cut') this.#cut();
  }

  #waited = -1;

  #send(text: string): void {
    if (text !== '') this.exchange.onData(Buffer.from(text));
  }

  #cut(): void {
    const reason = this.exchange.headReceived ? 'truncated' : 'reset';
    this.exchange.fail(new UpstreamFailure('fault', reason, 'same'));
  }

  #after(ms: number, then: () => void): void {
    if (ms > 0) this.#timer = this.clock.after(ms, then);
    else queueMicrotask(then);
  }
}
