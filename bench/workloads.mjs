// What is sent. The unit of a workload is what its cost is divided by.
import { KEYS } from './gateway-leg.mjs';

const MESSAGE =
  'Please summarise the following paragraph in one sentence: a gateway stands between callers and providers, ' +
  'spreads requests over them, retries what failed, and keeps the cost of all of it in view.';

const chat = (model, more = {}, texts = [MESSAGE]) => ({
  model,
  max_completion_tokens: 256,
  ...more,
  messages: [
    { role: 'system', content: 'You are a helpful assistant.' },
    ...texts.map((content) => ({ role: 'user', content })),
  ],
});
const streamed = { stream: true, stream_options: { include_usage: true } };

const PACED_EVENTS = 100;
const BURST_EVENTS = 64;
/** Streams that are held open: one event a second, for longer than any run. */
const HELD_MODEL = 'bench-100000x1000';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** One message must not be much longer in this gateway. */
const MESSAGE_BYTES = 5 * MIB;

function textsOf(bytes) {
  const text = MESSAGE.repeat(Math.ceil(bytes / MESSAGE.length)).slice(0, bytes);
  const count = Math.ceil(bytes / MESSAGE_BYTES);
  return Array.from({ length: count }, (_, at) => text.slice(at * MESSAGE_BYTES, (at + 1) * MESSAGE_BYTES));
}

/** A JSON request with a prompt of so many bytes. */
const withPrompt = (size, bytes, requests, connections) => ({
  title: `JSON request with a prompt of ${size}`,
  unit: 'request',
  requests,
  connections,
  key: KEYS.large,
  body: () => chat('bench-json', {}, textsOf(bytes)),
});

/** A stream of so many events as fast as they go, its cost per request. */
const ofLength = (events, requests) => ({
  title: `Stream of ${events} events as fast as they go, per request`,
  unit: 'request',
  events,
  requests,
  connections: 16,
  // The gateway ends what goes beyond the cap.
  body: () => chat(`bench-${events}x0`, { ...streamed, max_completion_tokens: 2 * events }),
});

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
  '1mb': withPrompt('1 MB', MIB, 300, 4),
  '1kb': { ...withPrompt('1 KB', KIB, 4_000, 32), onRequest: true },
  '10kb': { ...withPrompt('10 KB', 10 * KIB, 4_000, 32), onRequest: true },
  '100kb': { ...withPrompt('100 KB', 100 * KIB, 1_000, 16), onRequest: true },
  '10mb': { ...withPrompt('10 MB', 10 * MIB, 40, 2), onRequest: true },
  '1ev': { ...ofLength(1, 4_000), onRequest: true },
  '10ev': { ...ofLength(10, 4_000), onRequest: true },
  '100ev': { ...ofLength(100, 1_600), onRequest: true },
  '1000ev': { ...ofLength(1_000, 200), onRequest: true },
};

/** Names for several workloads, and the legs that run then unless others are named. */
export const GROUPS = {
  stalls: {
    title: 'the longest stall of the event loop while prompts of 1 and 10 MB pass, and nothing else; bare and gateway',
    workloads: [],
    legs: ['bare', 'gateway'],
  },
  growth: {
    title: 'by size of the prompt (1kb to 10mb) and length of a stream (1ev to 1000ev), and stalls; bare and gateway',
    workloads: ['1kb', '10kb', '100kb', '1mb', '10mb', '1ev', '10ev', '100ev', '1000ev'],
    legs: ['bare', 'gateway'],
  },
};

/** The same, and each event says when it was sent. */
const TIMED_MODEL = 'bench-timed-1000';

export const TIMED_BODY = chat(TIMED_MODEL, streamed);
export const HELD_BODY = chat(HELD_MODEL, streamed);

const modelsOf = Object.values(WORKLOADS).map(({ body }) => body().model);

export const MODELS = [...new Set([...modelsOf, HELD_MODEL, TIMED_MODEL])];
