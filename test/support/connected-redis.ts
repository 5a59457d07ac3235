import { connectQuotaRedis, type QuotaRedis } from '../../src/quota/redis-client.js';

const PATIENCE_MS = 10_000;

/**
 * A client as the gateway has it, once it is connected: on a busy machine the first try may take too long.
 * It is patient, unlike the gateway's, where a test asks what is decided and not how fast.
 */
export async function connectedRedis(urls: string, commandTimeoutMs = PATIENCE_MS): Promise<QuotaRedis> {
  const client = connectQuotaRedis(urls, () => undefined, commandTimeoutMs);
  await new Promise((resolve) => client.once('ready', resolve));
  return client;
}
