import { parseArgs } from 'node:util';
import { systemClock } from './kernel/clock.js';
import { checkedSettings } from './providers/simulated/simulated-control.js';
import { SimulatedServer } from './providers/simulated/simulated-server.js';
import { SIMULATED_DEFAULTS } from './providers/simulated/simulated-transport.js';

const HELP = `A simulated upstream: OpenAI's chat completions over HTTP, without a model.

  sre-gateway simulate [options]     or     npm run simulate -- [options]

  --port N             where to listen; 0 takes any free port   (9101)
  --host ADDRESS       0.0.0.0 to be reached from elsewhere      (127.0.0.1)
  --first-token-ms N   before the first token                    (${SIMULATED_DEFAULTS.firstTokenMs})
  --token-ms N         between two tokens                        (${SIMULATED_DEFAULTS.tokenMs})
  --tokens N           tokens of an answer without max_tokens    (${SIMULATED_DEFAULTS.tokens})
  --error-rate R       share of requests that fail with 500, 0 to 1   (${SIMULATED_DEFAULTS.errorRate})
  --seed N             decides the text, and which requests fail (${SIMULATED_DEFAULTS.seed})
  --name TEXT          how it calls itself in /stats             (simulated)

Point a provider of the gateway file at it:

  - { name: lab, kind: openai, baseUrl: http://127.0.0.1:9101/v1, allowPrivate: true }

A model name can ask for a fault: mock-model!status-503, mock-model!cut-5, mock-model!slow-2000.
Change its behaviour while it runs, and see what became of its requests:

  curl -X POST localhost:9101/control -H 'Content-Type: application/json' \\
    -d '{"settings":{"tokenMs":200},"faults":["stall-5"]}'
  curl localhost:9101/stats

It also answers GET /health and GET /v1/models.
`;

try {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      port: { type: 'string', default: '9101' },
      host: { type: 'string', default: '127.0.0.1' },
      name: { type: 'string', default: 'simulated' },
      'first-token-ms': { type: 'string' },
      'token-ms': { type: 'string' },
      tokens: { type: 'string' },
      'error-rate': { type: 'string' },
      seed: { type: 'string' },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else await serve(values);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  process.stderr.write(`${error.message}\nSee sre-gateway simulate --help\n`);
  process.exitCode = 1;
}

async function serve(values: Readonly<Record<string, string | boolean | undefined>>): Promise<void> {
  const given = {
    firstTokenMs: values['first-token-ms'],
    tokenMs: values['token-ms'],
    tokens: values.tokens,
    errorRate: values['error-rate'],
    seed: values.seed,
  };
  const numbers = Object.entries(given).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, text === '' ? Number.NaN : Number(text)]],
  );
  const wish = checkedSettings(Object.fromEntries(numbers));
  const server = new SimulatedServer(String(values.name), { ...SIMULATED_DEFAULTS, ...wish }, systemClock);
  const port = await server.listen(Number(values.port), String(values.host));
  process.stdout.write(`${server.name} answers at http://${String(values.host)}:${port}/v1\n`);
}
