import { type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { beginStream, event } from '../support/upstream-scripts.js';

const STREAMS = 200;
const SCRAPES = 20;
const ASK = { model: 'm', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
const USAGE = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };

describe('a scrape while 200 streams run', () => {
  const open: ServerResponse[] = [];
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start((_request, response) => {
      beginStream(response);
      response.write(event({ content: 'first' }));
      open.push(response);
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [
          {
            name: 'p',
            kind: 'openai',
            baseUrl: upstream.baseUrl,
            allowPrivate: true,
            concurrency: { limiter: 'fixed', initial: STREAMS, min: 1, max: STREAMS },
          },
        ],
        models: [
          { name: 'm', targets: [{ provider: 'p', model: 'x' }], price: { inputPerMillion: 1, outputPerMillion: 1 } },
        ],
        resilience: { shedding: { enabled: false } },
      },
    });
  });
  afterAll(() => Promise.all([gateway.stop(), upstream.stop()]));

  it('tells what runs, disturbs no stream, and afterwards tells what they were', async () => {
    const answers = await Promise.all(Array.from({ length: STREAMS }, () => gateway.post(ASK)));
    const texts = answers.map((answer) => answer.text());
    const running = async (): Promise<unknown[]> => {
      const metrics = await gateway.metrics();
      const names = ['gateway_in_flight_requests', 'gateway_limiter_in_flight{provider="p",model="x"}'];
      return [...names, 'gateway_limiter_saturation{model="m"}'].map((name) => metrics.get(name));
    };
    const events = (async () => {
      for (let turn = 0; turn < SCRAPES; turn++) {
        for (const response of open) response.write(event({ content: ' next' }));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let scrape = 0; scrape < SCRAPES; scrape++) expect(await running()).toEqual([STREAMS, STREAMS, 1]);
    await events;
    for (const response of open) response.end(`${event({}, 'stop', USAGE)}data: [DONE]\n\n`);

    for (const text of await Promise.all(texts)) {
      expect(text.match(/ next/g)).toHaveLength(SCRAPES);
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    }
    await expect.poll(running).toEqual([0, 0, 0]);
    const metrics = await gateway.metrics();
    const sum = (name: string): number =>
      [...metrics].filter(([series]) => series.startsWith(`${name}{`)).reduce((total, [, value]) => total + value, 0);
    expect(sum('gateway_requests_total')).toBe(STREAMS);
    expect(sum('gateway_attempts_total')).toBe(STREAMS);
    expect(metrics.get('gateway_tokens_total{model="m",type="input"}')).toBe(STREAMS * USAGE.prompt_tokens);
    expect(metrics.get('gateway_tokens_total{model="m",type="output"}')).toBe(STREAMS * USAGE.completion_tokens);
    expect(metrics.get('gateway_cost_nanodollars_total{provider="p",model="m"}')).toBe(
      STREAMS * USAGE.total_tokens * 1_000,
    );
    expect(metrics.get('gen_ai_server_time_to_first_token_seconds_count{gen_ai_request_model="m"}')).toBe(STREAMS);
  });
});
