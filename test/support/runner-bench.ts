import { stringify } from 'yaml';
import { ConfigStore } from '../../src/config/config-store.js';
import { loadEnvironment } from '../../src/config/env.js';
import { PROVIDER_KINDS } from '../../src/config/provider-kinds.js';
import { GatewayError } from '../../src/kernel/gateway-error.js';
import { RequestContext } from '../../src/kernel/request-context.js';
import { type Priority } from '../../src/kernel/snapshot.js';
import { type Answer } from '../../src/kernel/upstream.js';
import { OpenAiAdapter } from '../../src/providers/openai/openai-adapter.js';
import { type ProviderCatalog } from '../../src/providers/catalog.js';
import { AttemptRunner } from '../../src/resilience/attempt-runner.js';
import { type LoadShedding } from '../../src/resilience/load-shedding.js';
import { type TargetState } from '../../src/resilience/target-state.js';
import { TargetStates } from '../../src/resilience/target-states.js';
import { chatRequest } from './chat-request.js';
import { FakeNetwork } from './fake-network.js';
import { ManualClock } from './manual-clock.js';

/** One provider of the bench; all serve the model `m`. */
export interface BenchProvider {
  readonly name: string;
  readonly tier?: number;
  readonly contextTokens?: number;
  /** A fixed limit. */
  readonly limit?: number;
  readonly hosting?: 'hosted' | 'selfHosted';
  readonly probe?: object;
  readonly onDisconnect?: 'cancel' | 'drain' | 'reserved';
  readonly streamUpstream?: boolean;
  readonly timeouts?: Readonly<Record<string, number>>;
}

export interface BenchRequest {
  readonly body?: object;
  readonly timeoutMs?: number;
  readonly priority?: Priority;
  readonly keyId?: string;
}

/** How a run ended, with its context. */
export interface BenchRun {
  readonly ctx: RequestContext;
  /** Settles with the answer or the error. */
  readonly end: Promise<Answer | GatewayError>;
  /** Set as soon as it has ended. */
  result: Answer | GatewayError | undefined;
}

/** A runner over a network that the test scripts, on a clock that the test moves. */
export class RunnerBench {
  readonly clock: ManualClock;
  readonly network: FakeNetwork;
  /** The level of shedding that the runner sees. */
  readonly load = { level: 0 };
  #served = 0;

  private constructor(
    readonly config: ConfigStore,
    readonly states: TargetStates,
    readonly runner: AttemptRunner,
    parts: { clock: ManualClock; network: FakeNetwork; load: { level: number } },
  ) {
    this.clock = parts.clock;
    this.network = parts.network;
    this.load = parts.load;
  }

  static async of(
    providers: readonly BenchProvider[],
    resilience: object = {},
    clock = new ManualClock([0.5]),
  ): Promise<RunnerBench> {
    const text = stringify(fileOf(providers, resilience));
    const config = new ConfigStore({ env: loadEnvironment({}), kinds: PROVIDER_KINDS, clock, readFile: () => text });
    await config.load();
    const network = new FakeNetwork(clock);
    const kind = { adapter: new OpenAiAdapter(), transport: network, needsBaseUrl: true };
    const catalog = { get: () => kind } as unknown as ProviderCatalog;
    const states = new TargetStates(config, clock);
    const load = { level: 0 };
    const runner = new AttemptRunner(catalog, states, load as unknown as LoadShedding, clock);
    return new RunnerBench(config, states, runner, { clock, network, load });
  }

  state(provider: string): TargetState {
    for (const state of this.states.all()) if (state.target.provider.name === provider) return state;
    throw new Error(`no target of ${provider}`);
  }

  /** Starts a request over all targets in the file's order. */
  start({ body = {}, timeoutMs = 600_000, priority = 'default', keyId = 'key' }: BenchRequest = {}): BenchRun {
    const snapshot = this.config.current;
    const request = chatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...body });
    const principal = { ...snapshot.anonymous!, keyId };
    const now = this.clock.now();
    const id = `request-${++this.#served}`;
    const ctx = new RequestContext(id, id, now, now + timeoutMs, snapshot, principal, undefined);
    ctx.priority = priority;
    const plan = snapshot.models.get('m')?.targets ?? [];
    const end = this.runner
      .run(ctx, request, { plan, maxTokens: undefined, promptTokens: 10 })
      .catch((error: unknown) => {
        if (error instanceof GatewayError) return error;
        throw error;
      });
    const run: BenchRun = { ctx, end, result: undefined };
    void end.then((result) => (run.result = result));
    return run;
  }

  /** Runs a request to its end, moving time on by at most `withinMs`. */
  async run(request: BenchRequest = {}, withinMs = 120_000): Promise<Answer | GatewayError> {
    const run = this.start(request);
    for (let waited = 0; !run.result && waited <= withinMs; waited += 50)
      await this.clock.advance(waited === 0 ? 0 : 50);
    if (!run.result) throw new Error(`no end within ${withinMs} ms`);
    run.ctx.close();
    return run.result;
  }
}

function fileOf(providers: readonly BenchProvider[], resilience: object): object {
  return {
    version: 1,
    auth: { anonymous: { enabled: true, models: ['*'] } },
    providers: providers.map(({ name, limit, timeouts, probe, hosting, onDisconnect, streamUpstream }) => ({
      name,
      kind: 'openai',
      baseUrl: `https://${name}.test/v1`,
      ...(limit !== undefined && { concurrency: { limiter: 'fixed', initial: limit, min: 1, max: limit } }),
      ...(timeouts && { timeouts }),
      ...(hosting && { hosting }),
      ...(probe && { probe }),
      ...(onDisconnect && { onDisconnect }),
      ...(streamUpstream && { streamUpstream }),
    })),
    models: [
      {
        name: 'm',
        targets: providers.map(({ name, tier, contextTokens }) => ({
          provider: name,
          model: 'm',
          tier,
          contextTokens,
        })),
      },
    ],
    resilience,
  };
}
