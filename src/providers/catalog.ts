import { type Clock } from '../kernel/clock.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type ProviderAdapter } from '../kernel/upstream.js';
import { AnthropicAdapter } from './anthropic/anthropic-adapter.js';
import { OpenAiAdapter } from './openai/openai-adapter.js';
import { SimulatedTransport } from './simulated/simulated-transport.js';
import { UpstreamClient, type UpstreamTransport } from './upstream-client.js';
import { VllmAdapter } from './vllm/vllm-adapter.js';

/** What a provider kind is made of. */
export interface ProviderKind {
  readonly adapter: ProviderAdapter;
  readonly transport: UpstreamTransport;
  readonly needsBaseUrl: boolean;
}

/** Where chaos stands: between an attempt and its transport. */
export interface AttemptFaults {
  /** The kind to make an attempt with: the same, or one whose transport spoils it, noted in the context and the record. */
  over(kind: ProviderKind, ctx: RequestContext, record: AttemptRecord): ProviderKind;
}

/** Every kind of provider: a new one is one line here. */
export class ProviderCatalog {
  readonly network: UpstreamClient;
  /** Set only while an experiment at this boundary runs: all others pay one branch. */
  faults: AttemptFaults | undefined;
  readonly #kinds: ReadonlyMap<string, ProviderKind>;

  constructor(clock: Clock) {
    this.network = new UpstreamClient(clock);
    const overNetwork = (adapter: ProviderAdapter): ProviderKind => ({
      adapter,
      transport: this.network,
      needsBaseUrl: true,
    });
    const kinds: readonly ProviderKind[] = [
      overNetwork(new OpenAiAdapter()),
      overNetwork(new VllmAdapter()),
      overNetwork(new AnthropicAdapter(clock)),
      {
        adapter: new OpenAiAdapter('simulated'),
        transport: new SimulatedTransport(clock),
        needsBaseUrl: false,
      },
    ];
    this.#kinds = new Map(kinds.map((kind) => [kind.adapter.kind, kind]));
  }

  /** @throws Error for a kind that the configuration's check let through by mistake */
  get(kind: string): ProviderKind {
    const found = this.#kinds.get(kind);
    if (!found) throw new Error(`unknown provider kind: ${kind}`);
    return found;
  }

  /** For the configuration's check. */
  list(): readonly { readonly kind: string; readonly needsBaseUrl: boolean }[] {
    return [...this.#kinds].map(([kind, { needsBaseUrl }]) => ({ kind, needsBaseUrl }));
  }
}
