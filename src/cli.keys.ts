import { mintKey } from './auth/api-key-format.js';
import { KeyDigester } from './auth/key-digest.js';
import { loadEnvironment } from './config/env.js';

const HELP = `sre-gateway keys create           a new key and its digest, shown once
sre-gateway keys digest KEY       the digest of a key that exists

Without the command: npm run keys -- create

The digest is made with GATEWAY_KEY_PEPPER, which the gateway must be started with, too.
Put it into the gateway file:

  auth:
    keys:
      - id: team-a
        digest: hmac-sha256:…
`;

const [command, given] = process.argv.slice(2);
const pepper = loadEnvironment().GATEWAY_KEY_PEPPER?.reveal();
if (pepper === undefined && (command === 'create' || command === 'digest')) {
  process.stderr.write('GATEWAY_KEY_PEPPER is not set: a digest made without it is of no use.\n');
  process.exitCode = 1;
} else if (command === 'create' || (command === 'digest' && given !== undefined)) {
  const key = command === 'create' ? mintKey() : (given ?? '');
  process.stdout.write(
    `${command === 'create' ? `key:    ${key}\n` : ''}digest: ${new KeyDigester(pepper).format(key)}\n`,
  );
} else {
  process.stdout.write(HELP);
  process.exitCode = command === undefined || command === '--help' ? 0 : 1;
}
