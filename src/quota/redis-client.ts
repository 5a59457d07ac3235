import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';

import { type Clock } from '../kernel/clock.js';

/** A Redis, or a cluster of them. */
export type QuotaRedis = Redis | Cluster;

const MAX_RECONNECT_MS = 500;

/**
 * A backstop: ResilientQuotaStore's own bound is 50 ms, and after a pause of this process looks into the socket once more
 * before it gives up; this timer does not.
 */
const COMMAND_WITHIN_MS = 1_000;

/** Start-up keeps the event loop busy for about a second, in which no answer is read. */
const FIRST_CONNECTION_WITHIN_MS = 3_000;

/** Never queue, never resend, never wait: a request that Redis does not answer is decided without it. */
const OPTIONS = {
  connectTimeout: 200,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: (times: number) => Math.min(times * 50, MAX_RECONNECT_MS),
  // A demoted master goes on answering reads: only a new connection finds the promoted one.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

/**
 * Connects to `redis://…` or `rediss://…`; several URLs, separated by commas, are nodes of a Redis Cluster.
 * Errors of the connection go to `onError`; commands fail by themselves.
 */
export function connectQuotaRedis(
  urls: string,
  onError: (error: Error) => void,
  commandTimeout = COMMAND_WITHIN_MS,
): QuotaRedis {
  const nodes = urls.split(',').map((url) => url.trim());
  const client =
    nodes.length > 1
      ? connectCluster(nodes, commandTimeout)
      : new Redis(nodes[0] ?? '', { ...OPTIONS, commandTimeout });
  client.on('error', onError);
  return client;
}

/** Resolves when the first attempt to connect has ended, well or not: until then commands fail as if Redis were away. */
export async function firstConnection(client: QuotaRedis, clock: Clock): Promise<void> {
  if (client.status === 'ready') return;
  const late = new AbortController();
  const timer = clock.after(FIRST_CONNECTION_WITHIN_MS, () => late.abort());
  // What goes wrong is told by the first command.
  await once(client, 'ready', { signal: late.signal }).catch(() => undefined);
  timer.cancel();
}

function connectCluster(nodes: string[], commandTimeout: number): Cluster {
  const { username, password, protocol } = new URL(nodes[0] ?? '');
  return new Cluster(nodes, {
    enableOfflineQueue: false,
    slotsRefreshTimeout: 1000,
    slotsRefreshInterval: 5000,
    clusterRetryStrategy: (times) => Math.min(times * 50, MAX_RECONNECT_MS),
    redisOptions: {
      ...OPTIONS,
      commandTimeout,
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  });
}

/**
 * Which servers hold the data: changes when one restarts or a replica takes over.
 * Empty where INFO is forbidden.
 */
export async function redisIdentity(client: QuotaRedis): Promise<string> {
  const masters = client instanceof Cluster ? client.nodes('master') : [client];
  try {
    const ids = await Promise.all(masters.map(serverIdentity));
    return ids.sort().join(' ');
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
    throw error;
  }
}

async function serverIdentity(server: Redis): Promise<string> {
  const [about, replication] = await Promise.all([server.info('server'), server.info('replication')]);
  const id = (text: string, name: string): string => new RegExp(`^${name}:(\\w+)`, 'm').exec(text)?.[1] ?? '';
  return `${id(about, 'run_id')}/${id(replication, 'master_replid')}`;
}
