import { afterEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers } from '../support/upstream-scripts.js';

const ADMIN = 'an-admin-key-0123456789';
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };

/** Two equals under a strategy; `priced` gives each its price per million output tokens. */
class Equals {
  private constructor(
    readonly a: ScriptedUpstream,
    readonly b: ScriptedUpstream,
    readonly gateway: GatewayProcess,
  ) {}

  static async start(strategy: string, priced: readonly [string, string] = ['1', '1']): Promise<Equals> {
    const [a, b] = [await ScriptedUpstream.start(answers('a')), await ScriptedUpstream.start(answers('b'))];
    const providers = [a, b].map(({ baseUrl }, at) => ({
      name: at === 0 ? 'a' : 'b',
      kind: 'openai',
      baseUrl,
      allowPrivate: true,
    }));
    const targets = providers.map(({ name }, at) => ({
      provider: name,
      model: 'm',
      price: { inputPerMillion: '1', outputPerMillion: priced[at] },
    }));
    const gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: {
          anonymous: { enabled: true, models: ['*'] },
          keys: [{ id: 'ops', secret: ADMIN, role: 'admin' }],
        },
        providers,
        models: [{ name: 'm', targets }],
        routing: { strategy },
        resilience: {
          breaker: { openMs: 300, maxOpenMs: 500, slowStartMs: 0, probeSuccesses: 1 },
          shedding: { enabled: false },
        },
      },
    });
    return new Equals(a, b, gateway);
  }

  async ask(): Promise<string> {
    const response = await this.gateway.post(ASK);
    await response.text();
    return response.headers.get('x-gateway-provider') ?? String(response.status);
  }

  /** What the operations API says of the same request. */
  async explain(): Promise<{ plan: string[]; candidates: { id: string; share: number | null }[] }> {
    const response = await fetch(`${this.gateway.opsUrl}/admin/explain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ request: ASK }),
    });
    return (await response.json()) as Awaited<ReturnType<Equals['explain']>>;
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway.stop(), this.a.stop(), this.b.stop()]);
  }
}

describe('strategies of routing, over real sockets', () => {
  let equals: Equals;
  afterEach(() => equals.stop());

  it('leastCost: the cheaper serves everything, and the dearer takes over when it fails', async () => {
    equals = await Equals.start('leastCost', ['9', '2']);
    for (let request = 0; request < 10; request++) expect(await equals.ask()).toBe('b');
    equals.b.script = (_request, _response, socket) => void socket.resetAndDestroy();
    expect(await equals.ask()).toBe('a');
    expect(equals.a.received).toHaveLength(1);
  });

  it('leastLatency: the slower is left to itself once its first tokens are known', async () => {
    equals = await Equals.start('leastLatency');
    equals.a.script = answers('a', 300);
    const served: string[] = [];
    for (let request = 0; request < 20; request++) served.push(await equals.ask());
    expect(served.filter((name) => name === 'a').length).toBeLessThanOrEqual(2);
    expect(served.slice(-10)).toEqual(Array.from({ length: 10 }, () => 'b'));
  });

  it('leastCost: an explanation plans as requests do, and claims no chance by weight', async () => {
    equals = await Equals.start('leastCost', ['9', '2']);
    for (let question = 0; question < 4; question++) {
      const { plan, candidates } = await equals.explain();
      expect(plan).toEqual(['b/m', 'a/m']);
      expect(candidates.map(({ share }) => share)).toEqual([null, null]);
    }
  });

  for (const strategy of ['weighted', 'leastLatency', 'leastCost']) {
    it(`${strategy}: an equal that failed is used again soon after it has recovered`, async () => {
      equals = await Equals.start(strategy, ['1', '9']);
      equals.a.script = (_request, _response, socket) => void socket.resetAndDestroy();
      for (let request = 0; request < 20; request++) expect(await equals.ask()).toBe('b');
      equals.a.script = answers('a');
      const before = equals.a.received.length;
      await expect.poll(() => equals.ask(), { timeout: 10_000, interval: 20 }).toBe('a');
      expect(equals.a.received.length).toBeGreaterThan(before);
    });
  }
});
