import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonOpenai } from '../support/python-openai.js';
import { SdkLab } from '../support/sdk-lab.js';

const SCRIPT = join(import.meta.dirname, 'openai_python.py');
const prepared = pythonOpenai();
const python = 'python' in prepared ? prepared.python : undefined;
const title = `openai for Python${'missing' in prepared ? ` (skipped: ${prepared.missing})` : ''}`;

describe.skipIf(python === undefined)(title, () => {
  let lab: SdkLab;

  beforeAll(async () => {
    lab = await SdkLab.start();
  });
  afterAll(() => lab.stop());

  const start = (scenario: string): ChildProcessWithoutNullStreams =>
    spawn(python!, [SCRIPT, lab.baseURL, scenario], { env: { PATH: process.env.PATH } });

  const run = async (scenario: string): Promise<unknown> => {
    const child = start(scenario);
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number];
    expect(code, said).toBe(0);
    return JSON.parse(out);
  };

  it('gets a plain answer, its usage and its request id', async () => {
    expect(await run('plain')).toEqual({
      text: expect.stringMatching(/^Hello!/) as string,
      tokens: 8,
      requestId: 'python-1',
    });
    expect(await lab.gateway.ledger('python-1')).toMatchObject({ status: 200 });
  });

  it('gets the same text as a stream, with usage where it asked', async () => {
    const { text } = (await run('plain')) as { text: string };
    expect(await run('stream')).toEqual({ text, usage: [] });
    expect(await run('stream_usage')).toEqual({ text, tokens: 8, choices: 0 });
  });

  it('gets tool calls plainly and as a stream', async () => {
    const call = { name: 'get_weather', arguments: '{"city":"Paris"}' };
    expect(await run('tools')).toEqual(call);
    expect(await run('tools_stream')).toEqual(call);
  });

  it('lists the models', async () => {
    expect(await run('models')).toEqual({ ids: ['mock-model', 'cut', 'failing', 'too-long', 'refused', 'held'] });
  });

  it("raises the class of each error, with the gateway's code and param", async () => {
    expect(await run('errors')).toEqual({
      invalid: ['BadRequestError', 400, 'invalid_value', 'temperature'],
      unknown: ['NotFoundError', 404, 'model_not_found', 'model'],
      'too-long': ['BadRequestError', 400, 'context_length_exceeded', null],
      refused: ['BadRequestError', 400, 'content_policy_violation', null],
      failing: ['InternalServerError', 502, 'upstream_error', null],
      'failing-stream': ['InternalServerError', 502, 'upstream_error', null],
    });
  });

  it('raises APIError for a stream that breaks after its first content', async () => {
    expect(await run('broken')).toEqual({
      text: expect.stringMatching(/^Hello!/) as string,
      raised: 'APIError',
      code: 'upstream_error',
    });
  });

  it.each(['abort_stream', 'abort_plain'])('ends the work upstream: %s', async (scenario) => {
    const held = lab.held();
    const child = start(scenario);
    const lines = createInterface(child.stdout);
    const { aborted } = await held;
    child.stdin.write('abort\n');
    await once(lines, 'line');
    await aborted;
    child.stdin.end('leave\n');
    await once(child, 'close');
  });
});
