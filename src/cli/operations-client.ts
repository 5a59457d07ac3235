import { loadEnvironment } from '../config/env.js';

/** Why a command could not do its work, for whoever typed it. */
export class CommandError extends Error {}

/**
 * Asks a running gateway's operations API with the key of GATEWAY_ADMIN_KEY.
 * @param url the operations listener; absent: that of OPS_PORT on this machine
 * @throws CommandError
 */
export async function askOperations<Answer>(path: string, url: string | undefined): Promise<Answer> {
  const environment = loadEnvironment();
  const key = environment.lookup('GATEWAY_ADMIN_KEY');
  if (key === undefined) throw new CommandError('GATEWAY_ADMIN_KEY is not set: it must hold the key of an admin.');
  const base = url ?? `http://127.0.0.1:${environment.OPS_PORT}`;
  if (!URL.canParse(path, base)) throw new CommandError(`Not the address of a gateway: ${base}`);
  const response = await fetch(new URL(path, base), { headers: { authorization: `Bearer ${key}` } }).catch(() => {
    throw new CommandError(`No gateway answers at ${base}.`);
  });
  if (!response.ok) throw new CommandError(`The gateway answered ${response.status}: is it the key of an admin?`);
  return (await response.json()) as Answer;
}
