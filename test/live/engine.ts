import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { setTimeout as passed } from 'node:timers/promises';
import { Agent, fetch, type Response } from 'undici';

const START_TIMEOUT_MS = 300_000;
const POLL_MS = 5;
/** A connection per request: engines close idle ones, and what is tried here is the gateway's handling of that. */
const dispatcher = new Agent({ pipelining: 0 });
/** What engines call the requests that they work on or hold back. */
const BUSY =
  /^(?:llamacpp:requests_(?:processing|deferred)|vllm:num_requests_(?:running|waiting)(?:\{[^}]*\})?) (\S+)$/gm;

/** An inference engine, found running or started here; one that was started here can be killed. */
export class Engine {
  private constructor(
    /** Without a path. */
    readonly url: string,
    private child: ChildProcess | undefined,
    private readonly command: string | undefined,
  ) {}

  static at(url: string): Engine {
    return new Engine(url.replace(/\/(v1\/?)?$/, ''), undefined, undefined);
  }

  /** Starts an engine on a free port and waits until it is healthy. It ends with this process. */
  static async start(command: string): Promise<Engine> {
    const port = await freePort();
    const engine = new Engine(`http://127.0.0.1:${port}`, undefined, command.replaceAll('{port}', String(port)));
    await engine.restart();
    return engine;
  }

  get isOurs(): boolean {
    return this.command !== undefined;
  }

  /** Starts it again on the same port. */
  async restart(): Promise<void> {
    if (this.command === undefined) throw new Error('this engine was not started here');
    // A group of its own: engines have children, and what is killed is all of it.
    const child = spawn(`exec ${this.command}`, { shell: true, detached: true, stdio: 'ignore' });
    this.child = child;
    process.once('exit', () => killGroup(child));
    const end = Date.now() + START_TIMEOUT_MS;
    while (!(await this.isHealthy())) {
      if (child.exitCode !== null) throw new Error(`the engine ended with ${child.exitCode}: ${this.command}`);
      if (Date.now() > end) throw new Error(`the engine was not healthy within ${START_TIMEOUT_MS} ms`);
      await passed(50);
    }
  }

  /** As `kill -9` does it, children included. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    killGroup(child);
    await ended;
  }

  async isHealthy(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health`, { dispatcher })).ok;
    } catch {
      return false;
    }
  }

  /** Requests that it works on or holds back. @throws Error for an engine that does not tell */
  async busy(): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`, { dispatcher })).text();
    const found = [...text.matchAll(BUSY)].map(([, value]) => Number(value));
    if (found.length === 0)
      throw new Error(`${this.url}/metrics tells no running requests: start llama-server with --metrics`);
    return found.reduce((sum, value) => sum + value, 0);
  }

  /** Waits until it works on something, or on nothing any more. @returns how long that took, ms */
  async until(state: 'busy' | 'idle', withinMs = 30_000): Promise<number> {
    const from = Date.now();
    while ((await this.busy()) > 0 !== (state === 'busy')) {
      if (Date.now() - from > withinMs) throw new Error(`the engine was not ${state} within ${withinMs} ms`);
      await passed(POLL_MS);
    }
    return Date.now() - from;
  }

  /** The engine asked directly, past the gateway. */
  ask(body: object): Promise<Response> {
    return fetch(`${this.url}/v1/chat/completions`, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
