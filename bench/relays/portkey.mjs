// Portkey's gateway (npm: @portkey-ai/gateway), asked as its documentation has it for a server of one's own: the
// provider's shape and address stand in headers. No retries, no cache, no guardrails: it relays. Version 1.15.2 answers
// streams with 500 beside @hono/node-server 1.14 and later, which npm would take; with 1.13.8 it answers them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const IN_A_FOLDER = join('node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');

/** @returns the script of PORTKEY_BIN, or of an installation in `folder`; undefined where there is none */
export function portkeyScript(folder) {
  const candidates = [process.env.PORTKEY_BIN, folder && join(folder, IN_A_FOLDER)];
  return candidates.find((file) => file && existsSync(file));
}

export const portkeyHeaders = ({ upstream }) => ({
  'x-portkey-provider': 'openai',
  'x-portkey-custom-host': `${upstream}/v1`,
});
