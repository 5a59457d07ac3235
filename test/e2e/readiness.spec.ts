import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream, type UpstreamScript } from '../support/scripted-upstream.js';

const healthy: UpstreamScript = (_request, response) => void response.end();
const down: UpstreamScript = (_request, _response, socket) => void socket.resetAndDestroy();

describe('readiness over HTTP', () => {
  let upstreams: ScriptedUpstream[];
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstreams = [await ScriptedUpstream.start(healthy), await ScriptedUpstream.start(healthy)];
    const providers = upstreams.map(({ baseUrl }, at) => ({
      name: at === 0 ? 'a' : 'b',
      kind: 'vllm',
      baseUrl,
      allowPrivate: true,
      hosting: 'selfHosted',
      probe: { intervalMs: 100 },
    }));
    const targets = providers.map(({ name }) => ({ provider: name, model: 'm' }));
    const auth = { anonymous: { enabled: true, models: ['*'] } };
    gateway = await GatewayProcess.start({
      config: { version: 1, auth, providers, models: [{ name: 'm', targets }] },
    });
  });
  afterAll(() => Promise.all([gateway.stop(), ...upstreams.map((upstream) => upstream.stop())]));

  const status = async (path: string): Promise<number> => (await fetch(`${gateway.publicUrl}/v1/${path}`)).status;

  async function becomes(wanted: number): Promise<void> {
    await expect.poll(() => status('ready'), { timeout: 15_000 }).toBe(wanted);
  }

  it('holds while one provider answers probes, ends when none does, and comes back with the first that does', async () => {
    await becomes(200);
    upstreams[0]!.script = down;
    const one = upstreams[0]!.received.length;
    await gateway.until(() => upstreams[0]!.received.length > one + 3);
    expect(await status('ready')).toBe(200);
    upstreams[1]!.script = down;
    await becomes(503);
    expect(await status('health')).toBe(200);
    upstreams[1]!.script = healthy;
    await becomes(200);
  });
});
