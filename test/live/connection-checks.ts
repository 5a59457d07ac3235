import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import { type Check } from './check.js';
import { HELLO, type Lab } from './lab.js';

const IN_A_ROW = 150;
const TOGETHER = 15;
/** Around the 5 s after which llama-server and uvicorn close an idle connection. */
const IDLE_MS = [0, 4_800, 4_950, 4_990, 5_000, 5_005, 5_010, 5_050, 5_200, 100];
const SHORT = { ...HELLO, max_tokens: 2 };

/** One request: it must succeed at its first attempt. */
async function once(lab: Lab, stream: boolean): Promise<void> {
  const response = await lab.gateway.post({ ...SHORT, stream });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.equal(response.headers.get('x-gateway-attempts'), '1');
  if (stream) assert.ok(text.endsWith('data: [DONE]\n\n'), text);
}

async function reuse(lab: Lab): Promise<string> {
  for (let turn = 0; turn < IN_A_ROW; turn++) await once(lab, turn % 2 === 0);
  for (const idleMs of IDLE_MS) {
    await passed(idleMs);
    await Promise.all(Array.from({ length: TOGETHER }, (_, at) => once(lab, at % 2 === 0)));
  }
  for (const [name, value] of await lab.gateway.metrics()) {
    if (name.startsWith('gateway_attempts_total') && name.includes('outcome="fault"')) {
      assert.ok(!/reason="(reset|connect_error)"/.test(name) || value === 0, `${name} ${value}`);
    }
  }
  return `${IN_A_ROW} in a row, ${IDLE_MS.length} x ${TOGETHER} after pauses of up to ${Math.max(...IDLE_MS)} ms, none lost`;
}

async function probe(lab: Lab): Promise<string> {
  const ready = await fetch(`${lab.gateway.opsUrl}/v1/ready`);
  assert.equal(ready.status, 200, await ready.text());
  const available = (await lab.gateway.metrics()).get('gateway_model_targets_available{model="live-failover"}');
  assert.equal(available, 2);
  return 'GET /health; ready, target available';
}

export const CONNECTION_CHECKS: readonly Check[] = [
  { name: 'health probe', run: probe },
  { name: 'connections over requests and pauses', run: reuse },
];
