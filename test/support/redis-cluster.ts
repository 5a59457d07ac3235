import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const MASTERS = 3;
const FORMS_WITHIN_MS = 20_000;

/** A Redis Cluster of three masters without replicas, made of redis-server processes. */
export class RedisCluster {
  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<RedisCluster> {
    const flags = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const servers = await Promise.all(Array.from({ length: MASTERS }, () => RedisServer.start(...flags)));
    const cluster = new RedisCluster(servers);
    const clients = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
    try {
      await cluster.#form(clients);
    } catch (error) {
      await cluster.stop();
      throw error;
    } finally {
      for (const client of clients) client.disconnect();
    }
    return cluster;
  }

  /** The nodes, as `connectQuotaRedis` takes them. */
  get urls(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  /** Moves the slot of a key, with all its keys, to the next master; tells the ports. */
  async moveSlotOf(key: string): Promise<{ from: number; to: number }> {
    const clients = this.servers.map(({ port }) => new Redis(port, '127.0.0.1'));
    try {
      const slot = await clients[0]!.cluster('KEYSLOT', key);
      const share = Math.ceil(SLOTS / MASTERS);
      const [source, target] = [Math.floor(slot / share), (Math.floor(slot / share) + 1) % MASTERS];
      const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID') as Promise<string>));
      const [from, to] = [this.servers[source]!.port, this.servers[target]!.port];
      await clients[target]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[source]!);
      await clients[source]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[target]!);
      for (;;) {
        const keys = (await clients[source]!.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
        if (keys.length === 0) break;
        await clients[source]!.call('MIGRATE', '127.0.0.1', to, '', 0, 5000, 'KEYS', ...keys);
      }
      for (const client of [clients[target]!, clients[source]!]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[target]!);
      }
      return { from, to };
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async #form(clients: readonly Redis[]): Promise<void> {
    const share = Math.ceil(SLOTS / MASTERS);
    await Promise.all(
      clients.map(async (client, place) => {
        const last = Math.min(SLOTS, (place + 1) * share) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', place * share, last);
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', place + 1);
      }),
    );
    for (const { port } of this.servers.slice(1)) {
      await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(port));
    }
    const deadline = performance.now() + FORMS_WITHIN_MS;
    for (const client of clients) {
      while (!/cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(await client.cluster('INFO'))) {
        if (performance.now() > deadline) throw new Error('the cluster did not form in time');
        await sleep(50);
      }
    }
  }
}
