import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Whether this machine has a redis-server; tests that need one say so where it has none. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

const STARTS_WITHIN_MS = 10_000;

/** A real redis-server on a free loopback port, with a directory of its own, ended with the test. */
export class RedisServer {
  #process: ChildProcess | undefined;
  readonly #directory = mkdtempSync(join(tmpdir(), 'redis-'));

  private constructor(
    readonly port: number,
    private readonly flags: readonly string[],
  ) {}

  /** Starts a server; `flags` are redis-server's own, `--appendonly yes`. */
  static async start(...flags: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), flags);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const { pid } = this.#process ?? {};
    if (pid === undefined) throw new Error('redis-server does not run');
    return pid;
  }

  /** Starts again after `kill`, with what the directory kept. */
  async restart(): Promise<void> {
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#directory];
    this.#process = spawn('redis-server', [...fixed, ...this.flags], { stdio: 'ignore' });
    // A test run that is broken off leaves no server behind.
    const started = this.#process;
    const endWithUs = (): void => void started.kill('SIGKILL');
    process.once('exit', endWithUs);
    started.once('exit', () => process.off('exit', endWithUs));
    await this.#answers();
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running?.exitCode !== null) return;
    const exited = once(running, 'exit');
    // A stopped process dies of SIGKILL, too.
    running.kill('SIGKILL');
    await exited;
  }

  /** Holds the process still: connections stay open, nothing answers. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const client = new Redis(this.port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 });
    client.on('error', () => undefined);
    const late = sleep(STARTS_WITHIN_MS, undefined, { ref: false }).then(() => {
      throw new Error('redis-server did not start in time');
    });
    try {
      await Promise.race([client.connect().catch(() => undefined), late]);
      await Promise.race([client.ping(), late]);
    } finally {
      client.disconnect();
    }
  }
}

/** A free port whose cluster bus port, 10,000 above, exists as well. */
async function freePort(): Promise<number> {
  for (;;) {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    if (port < 55_000) return port;
  }
}
