import { type ServerResponse } from 'node:http';
import { GatewayProcess } from './gateway-process.js';
import { type ReceivedRequest, ScriptedUpstream } from './scripted-upstream.js';
import { SimulatedProcess } from './simulated-process.js';

const TOKENS = 8;

/** The models of the lab, by what becomes of a request for them. */
const FAULTS = {
  'mock-model': 'mock-model',
  cut: 'mock-model!cut-3',
  failing: 'mock-model!status-500',
  'too-long': 'mock-model!context-length',
  refused: 'mock-model!content-policy',
} as const;

/** What SDKs are tried against: a gateway before a simulated upstream, and before one that keeps requests open. */
export class SdkLab {
  readonly #waiting: ((request: ReceivedRequest) => void)[] = [];

  private constructor(
    readonly gateway: GatewayProcess,
    readonly simulated: SimulatedProcess,
    private readonly holding: ScriptedUpstream,
  ) {
    holding.script = (request, response) => {
      this.#waiting.shift()?.(request);
      if ((JSON.parse(request.body.toString()) as { stream?: boolean }).stream) beginStream(response);
    };
  }

  static async start(): Promise<SdkLab> {
    const simulated = await SimulatedProcess.start({ 'first-token-ms': 1, 'token-ms': 1, tokens: TOKENS });
    const holding = await ScriptedUpstream.start(() => undefined);
    const provider = (name: string, baseUrl: string) => ({ name, kind: 'openai', baseUrl, allowPrivate: true });
    const gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [provider('simulated', simulated.baseUrl), provider('holding', holding.baseUrl)],
        models: [
          ...Object.entries(FAULTS).map(([name, model]) => ({ name, targets: [{ provider: 'simulated', model }] })),
          { name: 'held', targets: [{ provider: 'holding', model: 'held' }] },
        ],
        resilience: { breaker: { enabled: false } },
      },
    });
    return new SdkLab(gateway, simulated, holding);
  }

  /** For an SDK's base URL. */
  get baseURL(): string {
    return `${this.gateway.publicUrl}/v1`;
  }

  /** The next request for the model `held`: its stream stays open after one token, its plain answer never comes. */
  held(): Promise<ReceivedRequest> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway.stop(), this.simulated.stop(), this.holding.stop()]);
  }
}

function beginStream(response: ServerResponse): void {
  const choices = [{ index: 0, delta: { role: 'assistant', content: 'Hello!' }, finish_reason: null }];
  const chunk = { id: 'chatcmpl-held', object: 'chat.completion.chunk', created: 1, model: 'held', choices };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** A tool as OpenAI's API takes it. */
export const WEATHER_TOOL = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Get the current weather for a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
} as const;
