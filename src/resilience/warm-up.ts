import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { attemptStarted, providerWarmed } from '../kernel/channels.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { JsonDocument } from '../kernel/json-document.js';
import { ChatRequest, type ChatRequestBody } from '../kernel/openai.js';
import { type Snapshot, type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { upstreamHeaders } from '../providers/upstream-headers.js';

/** One token is asked for; a body beyond this is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A provider that is kept warm. */
interface Warming {
  readonly afterIdleMs: number;
  /** One for each model that the provider serves. */
  readonly targets: readonly Target[];
  timer: Timer | undefined;
}

/**
 * Asks providers that had no traffic for a while for one token of each model, so that the first caller after a pause
 * does not wait for weights to be loaded or caches to be filled. Counted as no request, charged to nobody.
 */
@Injectable()
export class WarmUp implements OnModuleInit, OnModuleDestroy {
  readonly #warming = new Map<string, Warming>();
  #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly config: ConfigStore,
    private readonly catalog: ProviderCatalog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#adopt(this.config.current);
    this.config.onSwap((snapshot) => this.#adopt(snapshot));
  }

  onModuleDestroy(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const { timer } of this.#warming.values()) timer?.cancel();
    this.#warming.clear();
  }

  #adopt(snapshot: Snapshot): void {
    this.onModuleDestroy();
    for (const { name, enabled, probe } of snapshot.providers.values()) {
      if (!enabled || probe.warmUpAfterIdleMs === undefined) continue;
      const warming: Warming = {
        afterIdleMs: probe.warmUpAfterIdleMs,
        targets: targetsOf(snapshot, name),
        timer: undefined,
      };
      this.#warming.set(name, warming);
      this.#waitFor(name, warming);
    }
    if (this.#warming.size === 0) return;
    this.#unsubscribe = attemptStarted.subscribe(({ attempt }) => {
      this.#warming.get(attempt.target.provider.name)?.timer?.restart();
    });
  }

  #waitFor(name: string, warming: Warming): void {
    warming.timer = this.clock.after(warming.afterIdleMs, () => void this.#warm(name, warming));
  }

  async #warm(name: string, warming: Warming): Promise<void> {
    for (const target of warming.targets) {
      const ok = await this.#ask(target);
      // A reload came in between: the provider's next configuration has its own timer.
      if (this.#warming.get(name) !== warming) return;
      providerWarmed.publish({ provider: name, ok });
    }
    this.#waitFor(name, warming);
  }

  /** Whether the target gave an answer in the time that it has for its first token. */
  async #ask(target: Target): Promise<boolean> {
    const { provider } = target;
    const { adapter, transport } = this.catalog.get(provider.kind);
    const { path, headers, body } = adapter.encode(oneToken(target.model), target, { maxTokens: 1, stream: false });
    const exchange = transport.send(provider, {
      method: 'POST',
      path,
      headers: upstreamHeaders(provider, adapter, headers, { requestId: 'warm-up', traceparent: undefined }),
      body,
    });
    const timer = this.clock.after(provider.timeouts.firstTokenMs, () => {
      exchange.fail(new UpstreamFailure('fault', 'response_timeout', 'elsewhere'));
    });
    try {
      const { status } = await exchange.head();
      await exchange.readAll(MAX_ANSWER_BYTES);
      return status >= 200 && status <= 299;
    } catch {
      return false;
    } finally {
      timer.cancel();
      exchange.discard();
    }
  }
}

function targetsOf({ models }: Snapshot, provider: string): readonly Target[] {
  const byModel = new Map<string, Target>();
  for (const { targets } of models.values()) {
    for (const target of targets) if (target.provider.name === provider) byModel.set(target.model, target);
  }
  return [...byModel.values()];
}

function oneToken(model: string): ChatRequest {
  const body = { model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 } satisfies ChatRequestBody;
  return new ChatRequest(body, JsonDocument.scan(Buffer.from(JSON.stringify(body)), Infinity));
}
