import assert from 'node:assert/strict';
import { APIUserAbortError } from 'openai';
import { type Check, Skipped } from './check.js';
import { ENDLESS, type Lab } from './lab.js';

/** An engine that is free after this part of the whole answer's time was stopped; one that runs on needs all of it. */
const STOPPED_WITHIN = 0.5;
const SHORTEST_WHOLE_MS = 400;

/** How long the engine works when nobody hangs up, ms. */
async function wholeMs(lab: Lab): Promise<number> {
  const from = Date.now();
  await lab.direct(ENDLESS);
  const ms = Date.now() - from;
  if (ms < SHORTEST_WHOLE_MS) throw new Skipped(`the engine needs only ${ms} ms: too little to hang up in`);
  return ms;
}

async function stream(lab: Lab): Promise<string> {
  const whole = await wholeMs(lab);
  const abort = new AbortController();
  const chunks = await lab.openai.chat.completions.create({ ...ENDLESS, stream: true }, { signal: abort.signal });
  let seen = 0;
  for await (const chunk of chunks) if (chunk.choices.length > 0 && ++seen === 5) break;
  abort.abort();
  return expectStopped(lab, whole);
}

async function plain(lab: Lab): Promise<string> {
  const whole = await wholeMs(lab);
  await hangUp(lab, 'live-streamed');
  return expectStopped(lab, whole);
}

async function plainUnhelped(lab: Lab): Promise<string> {
  const whole = await wholeMs(lab);
  await hangUp(lab, 'live');
  await until(async () => (await inFlight(lab)) === 0);
  const idleMs = await lab.engine.until('idle');
  return `the gateway is free; the engine ${idleMs < whole * STOPPED_WITHIN ? 'stopped' : 'ran on'}: ${idleMs} of ${whole} ms`;
}

async function hangUp(lab: Lab, model: string): Promise<void> {
  const abort = new AbortController();
  const call = lab.openai.chat.completions.create({ ...ENDLESS, model }, { signal: abort.signal });
  const ended = assert.rejects(call, APIUserAbortError);
  try {
    await lab.engine.until('busy');
  } finally {
    abort.abort();
    await ended;
  }
}

async function expectStopped(lab: Lab, whole: number): Promise<string> {
  const idleMs = await lab.engine.until('idle');
  assert.ok(idleMs < whole * STOPPED_WITHIN, `the engine was busy for another ${idleMs} of ${whole} ms`);
  await until(async () => (await inFlight(lab)) === 0);
  return `idle ${idleMs} ms after; a whole answer takes ${whole} ms`;
}

async function inFlight(lab: Lab): Promise<number | undefined> {
  return (await lab.gateway.metrics()).get('gateway_in_flight_requests');
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 5_000;
  while (!(await condition())) assert.ok(Date.now() < end, 'the gateway still holds the request');
}

export const LEAVING_CHECKS: readonly Check[] = [
  { name: 'caller leaves a stream: the engine stops', run: stream },
  { name: 'caller leaves a plain request, streamUpstream: the engine stops', run: plain },
  { name: 'caller leaves a plain request', run: plainUnhelped },
];
