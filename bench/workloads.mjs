// What is sent. The unit of a workload is what its cost is divided by.
import { KEYS } from './gateway-leg.mjs';

const MESSAGE =
  'Please summarise the following paragraph in one sentence: a gateway stands between callers and providers, ' +
  'spreads requests over them, retries what failed, and keeps the cost of all of it in view.';

const chat = (model, more = {}, content = MESSAGE) => ({
  model,
  max_completion_tokens: 256,
  ...more,
  messages: [
    { role: 'system', content: 'You are a helpful assistant.' },
    { role: 'user', content },
  ],
});
const streamed = { stream: true, stream_options: { include_usage: true } };

const PACED_EVENTS = 100;
const BURST_EVENTS = 64;
/** Streams that are held open: one event a second, for longer than any run. */
const HELD_MODEL = 'bench-100000x1000';

/** `requests`: of one leg in one round, before --requests scales it. */
export const WORKLOADS = {
  json: {
    title: 'JSON request',
    unit: 'request',
    requests: 20_000,
    connections: 32,
    body: () => chat('bench-json'),
  },
  stream: {
    title: `Stream, ${PACED_EVENTS} events 5 ms apart`,
    unit: 'event',
    events: PACED_EVENTS,
    requests: 200,
    connections: 50,
    body: () => chat(`bench-${PACED_EVENTS}x5`, streamed),
  },
  burst: {
    title: `Stream, ${BURST_EVENTS} events as fast as they go`,
    unit: 'event',
    events: BURST_EVENTS,
    requests: 2_000,
    connections: 32,
    body: () => chat(`bench-${BURST_EVENTS}x0`, streamed),
  },
  ttft: {
    title: 'Time to the first token, one caller at a time',
    unit: 'request',
    events: 1,
    requests: 2_000,
    connections: 1,
    body: () => chat('bench-1x0', streamed),
  },
  '1mb': {
    title: 'JSON request with a prompt of 1 MB',
    unit: 'request',
    requests: 300,
    connections: 4,
    key: KEYS.large,
    body: () => chat('bench-json', {}, MESSAGE.repeat(Math.ceil(2 ** 20 / MESSAGE.length)).slice(0, 2 ** 20)),
  },
};

export const HELD_BODY = chat(HELD_MODEL, streamed);

export const MODELS = ['bench-json', `bench-${PACED_EVENTS}x5`, `bench-${BURST_EVENTS}x0`, 'bench-1x0', HELD_MODEL];
