import { type RunningGateway } from './gateway.js';

/**
 * What the terminal shows when the gateway is up: where it is, and a line to try.
 * @param hasDocs whether the public listener serves Swagger UI, as it does outside of production
 */
export function welcome({ publicUrl, opsUrl }: Pick<RunningGateway, 'publicUrl' | 'opsUrl'>, hasDocs: boolean): string {
  const docs = hasDocs ? `\n  Docs     ${publicUrl}/docs` : '';
  return `
SRE Inference Gateway
  API      ${publicUrl}/v1${docs}
  Metrics  ${opsUrl}/metrics
  Console  ${opsUrl}/console (for the key of an admin)

Try it:
  curl -X POST ${publicUrl}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model":"gpt-3.5-turbo","messages":[{"role":"user","content":"Hello, world!"}]}'

`;
}
