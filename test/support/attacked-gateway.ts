import { GatewayProcess } from './gateway-process.js';
import { requestBytes } from './raw-connection.js';
import { ScriptedUpstream, type UpstreamScript } from './scripted-upstream.js';
import { answers } from './upstream-scripts.js';

export const KEY = 'a-key-of-the-tests-0123456789';
export const PROVIDER_KEY = 'provider-key-0123456789-abcdefghij';
export const AUTH = `Authorization: Bearer ${KEY}`;
export const JSON_TYPE = 'Content-Type: application/json';
export const LINE = 'POST /v1/chat/completions HTTP/1.1';
export const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
export const BEARER = { authorization: `Bearer ${KEY}` };

/** A provider of the gateway file that is this upstream. */
export function providerAt(name: string, { baseUrl }: ScriptedUpstream, more: object = {}): object {
  const timeouts = { firstTokenMs: 5_000, idleMs: 5_000 };
  return {
    name,
    kind: 'openai',
    baseUrl,
    apiKey: PROVIDER_KEY,
    allowPrivate: true,
    probe: { enabled: false },
    timeouts,
    ...more,
  };
}

/** A gateway with a key, in front of one upstream that tests script: the model `m` is the upstream `up`. */
export class AttackedGateway {
  private constructor(
    readonly upstream: ScriptedUpstream,
    readonly gateway: GatewayProcess,
  ) {}

  static async start(
    more: (upstream: ScriptedUpstream) => Record<string, unknown> = () => ({}),
    env: Readonly<Record<string, string>> = {},
  ): Promise<AttackedGateway> {
    const upstream = await ScriptedUpstream.start(answers('Hi'));
    const config = {
      version: 1,
      auth: { keys: [{ id: 'tests', secret: KEY }] },
      providers: [providerAt('up', upstream)],
      models: [{ name: 'm', targets: [{ provider: 'up', model: 'm' }] }],
      limits: { bodyBytes: 1 << 20 },
      // A busy machine must not decide what these requests are told.
      resilience: { maxAttempts: 1, breaker: { enabled: false }, shedding: { enabled: false } },
      ...more(upstream),
    };
    return new AttackedGateway(upstream, await GatewayProcess.start({ config, env }));
  }

  /** Begins a test: the upstream behaves, and has seen nothing. */
  reset(script: UpstreamScript = answers('Hi')): void {
    this.upstream.script = script;
    this.upstream.received.length = 0;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.upstream.stop();
  }
}

/** A chat request's bytes, with the key. */
export function chatBytes(body: unknown, headers: readonly string[] = []): Buffer {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return requestBytes(LINE, [AUTH, JSON_TYPE, ...headers], bytes);
}
