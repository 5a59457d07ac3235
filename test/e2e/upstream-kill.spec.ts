import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { UpstreamProcess } from '../support/upstream-process.js';

const REQUESTS = 200;

describe('kill -9 of one of two upstreams under 200 concurrent requests', () => {
  for (const stream of [false, true]) {
    describe(stream ? 'streams before their first content' : 'plain answers', () => {
      let doomed: UpstreamProcess;
      let survivor: UpstreamProcess;
      let gateway: GatewayProcess;

      beforeAll(async () => {
        [doomed, survivor] = await Promise.all([UpstreamProcess.start('a', 2_000), UpstreamProcess.start('b', 500)]);
        gateway = await GatewayProcess.start({
          config: {
            version: 1,
            auth: { anonymous: { enabled: true, models: ['*'] } },
            providers: [
              { name: 'a', kind: 'openai', baseUrl: doomed.baseUrl, allowPrivate: true },
              { name: 'b', kind: 'openai', baseUrl: survivor.baseUrl, allowPrivate: true },
            ],
            // As shipped: two hundred callers at once are no reason to turn any away.
            resilience: { shedding: { enabled: true } },
            models: [{ name: 'm', targets: ['a', 'b'].map((provider) => ({ provider, model: 'm' })) }],
          },
        });
      });
      afterAll(() => Promise.all([gateway.stop(), doomed.kill(), survivor.kill()]));

      it('shows no caller an error', async () => {
        const answers = Array.from({ length: REQUESTS }, async () => {
          const response = await gateway.post({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream });
          return { status: response.status, text: await response.text() };
        });
        await gateway.until(() => doomed.received >= 80);
        await doomed.kill();
        const ended = await Promise.all(answers);
        const failed = gateway.log.filter(({ status }) => status === 502);
        expect(failed).toEqual([]);
        expect(ended.filter(({ status, text }) => status !== 200 || text.includes('"error"'))).toEqual([]);
        expect(ended.every(({ text }) => text.includes('"content":"b"'))).toBe(true);
      });
    });
  }
});
