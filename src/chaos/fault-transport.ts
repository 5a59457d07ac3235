import { type Clock } from '../kernel/clock.js';
import { type Provider } from '../kernel/snapshot.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type UpstreamCall, type UpstreamTransport } from '../providers/upstream-client.js';
import { UpstreamExchange } from '../providers/upstream-exchange.js';
import { type FaultPlan } from './chaos-engine.js';
import { InjectedNetworkError, type TransportAnswer, withFaults } from './faulty-call.js';

/** Carries one attempt's call by another transport, and does to it what the plan says. */
export class FaultTransport implements UpstreamTransport {
  constructor(
    private readonly plan: FaultPlan,
    private readonly transport: UpstreamTransport,
    private readonly clock: Clock,
  ) {}

  send(provider: Provider, call: UpstreamCall): UpstreamExchange {
    const outer = new UpstreamExchange();
    void this.#carry(provider, call, outer);
    return outer;
  }

  async #carry(provider: Provider, call: UpstreamCall, outer: UpstreamExchange): Promise<void> {
    const ended = new AbortController();
    const { signal } = ended;
    let resume: () => void = () => undefined;
    let inner: UpstreamExchange | undefined;
    outer.control({
      abort: () => {
        ended.abort(new UpstreamFailure('ignored', 'cancelled', 'never'));
        inner?.discard();
        resume();
      },
      resume: () => resume(),
    });
    const open = (): Promise<TransportAnswer> => {
      inner = this.transport.send(provider, call);
      return answerOf(inner);
    };
    try {
      const answer = await withFaults(this.plan, this.clock, signal, open);
      outer.onHead(answer.head);
      for await (const chunk of answer.chunks) {
        const paused = new Promise<void>((resolve) => (resume = resolve));
        if (!outer.onData(chunk) && !outer.failed) await paused;
        if (outer.failed) return;
      }
      outer.onEnd();
    } catch (error) {
      outer.fail(asFailure(error, outer.headReceived));
    } finally {
      inner?.discard();
    }
  }
}

async function answerOf(exchange: UpstreamExchange): Promise<TransportAnswer> {
  return { head: await exchange.head(), chunks: chunksOf(exchange) };
}

async function* chunksOf(exchange: UpstreamExchange): AsyncGenerator<Buffer> {
  for (let chunk = await exchange.read(); chunk; chunk = await exchange.read()) yield chunk;
}

/** As the network's own errors are classified. */
function asFailure(error: unknown, headReceived: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  if (!(error instanceof InjectedNetworkError)) {
    return new UpstreamFailure('fault', 'malformed', 'elsewhere', { cause: error });
  }
  if (error.code === 'ECONNREFUSED')
    return new UpstreamFailure('fault', 'connect_error', 'elsewhere', { cause: error });
  return new UpstreamFailure('fault', headReceived ? 'truncated' : 'reset', 'same', { cause: error });
}
