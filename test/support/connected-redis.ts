import { connectQuotaRedis, type QuotaRedis } from '../../src/quota/redis-client.js';

/** A client as the gateway has it, once it is connected; on a busy machine the first try may take too long. */
export async function connectedRedis(urls: string): Promise<QuotaRedis> {
  const client = connectQuotaRedis(urls, () => undefined);
  await new Promise((resolve) => client.once('ready', resolve));
  return client;
}
