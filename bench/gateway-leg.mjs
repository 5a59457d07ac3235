// The gateway under test: a bench configuration with every layer on, and the proof afterwards that they were.
import { createReadStream, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pause } from './processes.mjs';

/** A caller with rates and budgets, so that each request pays for its reservation; and one whose prompts are huge. */
export const KEYS = { default: 'bench-key-0123456789', large: 'bench-large-key-0123456789' };

// Larger than any load that the bench makes: nothing may be refused, everything must be counted.
const limits = { requestsPerMinute: 60_000_000, requestBurst: 10_000_000, concurrentRequests: 100_000 };
const budgets = [
  { scope: 'key', window: '1d', usd: '1000000' },
  { scope: 'org', window: 'month', usd: '5000000' },
];

/** As the other relays allow. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

const SYLLABLES = ['ba', 'ce', 'di', 'fo', 'gu', 'la', 'me', 'ni', 'po', 'ru', 'sa', 'te', 'vi', 'wo', 'zu', 'ha'];

/** That many different words of an invented language. Four syllables: none is in what the bench sends. */
export function inventedWords(count) {
  return Array.from({ length: count }, (_, n) => [n & 15, (n >> 4) & 15, (n >> 8) & 15, (n >> 12) & 15]).map((digits) =>
    digits.map((digit) => SYLLABLES[digit]).join(''),
  );
}

/**
 * The gateway file, as JSON, which is YAML. `quota` off leaves the keys without anything to reserve; `bannedWords`
 * words are looked for in every answer.
 */
export function gatewayConfig({ upstream, models, quota, bannedWords = 0 }) {
  const limited = quota !== 'off';
  return {
    version: 1,
    auth: {
      anonymous: { enabled: false },
      keys: [
        {
          id: 'bench',
          org: 'bench',
          secret: KEYS.default,
          ...(limited && { limits: { ...limits, tokensPerMinute: 150_000_000 }, budgets }),
        },
        { id: 'bench-large', org: 'bench', secret: KEYS.large, ...(limited && { limits, budgets }) },
      ],
    },
    providers: [
      {
        name: 'bench',
        kind: 'openai',
        baseUrl: `${upstream}/v1`,
        apiKey: 'bench-upstream-key',
        allowPrivate: true,
        concurrency: { limiter: 'fixed', initial: 16_384, min: 4, max: 16_384 },
      },
    ],
    models: models.map((name) => ({
      name,
      targets: [{ provider: 'bench', model: name }],
      maxOutputTokens: 4096,
      price: { inputPerMillion: '0.15', outputPerMillion: '0.60' },
    })),
    guardrails: {
      input: { bannedWords: [], maxBytes: MAX_BODY_BYTES },
      output: { bannedWords: inventedWords(bannedWords) },
    },
    limits: { maxInFlight: 20_000, maxConnections: 20_000, bodyBytes: MAX_BODY_BYTES },
  };
}

export function writeGatewayConfig(file, setting) {
  writeFileSync(file, JSON.stringify(gatewayConfig(setting), null, 2));
}

/** Facts become visible shortly after a request's end. */
const SETTLES_WITHIN_MS = 5_000;

/** Facts that every request must leave behind. */
const REQUIRED = ['counted', 'logged', 'ofKnownKeys', 'charged'];

/**
 * `sent`: requests that were answered.
 * @returns how many requests were counted, logged, made by a known key and charged; `off` names what fell short
 * @throws when one of the required facts fell short of `sent`
 */
export async function assertLayersWereOn(opsUrl, logFile, sent) {
  const deadline = performance.now() + SETTLES_WITHIN_MS;
  let found;
  do {
    await pause(200);
    found = { counted: await countedRequests(opsUrl), ...(await ledger(logFile)) };
  } while (REQUIRED.some((fact) => found[fact] < sent) && performance.now() < deadline);
  // What was shed is counted and logged, too, but was not answered.
  const off = Object.keys(found).filter((fact) => found[fact] < sent);
  const missing = off.filter((fact) => REQUIRED.includes(fact)).map((fact) => `${found[fact]} ${fact}`);
  if (missing.length > 0) throw new Error(`a layer of the gateway was off: of ${sent} requests ${missing.join(', ')}`);
  return { sent, ...found, off };
}

async function countedRequests(opsUrl) {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  let sum = 0;
  for (const [, value] of text.matchAll(/^gateway_requests_total(?:\{.*\})? (\S+)/gm)) sum += Number(value);
  return sum;
}

async function ledger(file) {
  const found = { logged: 0, ofKnownKeys: 0, charged: 0 };
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (!line.includes('"requestId"')) continue;
    found.logged++;
    if (line.includes('"keyId":"bench')) found.ofKnownKeys++;
    if (/"completionTokens":[1-9]/.test(line) && /"costUsd":"?0*\.?0*[1-9]/.test(line)) found.charged++;
  }
  return found;
}
