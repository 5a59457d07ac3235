import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { Child } from './child.js';
import { gatewayFile } from './gateway-file.js';
import { type Scenario, type ScenarioUpstream } from './scenario.js';

const DIST = join(import.meta.dirname, '..');

/** The processes of a game day: simulated upstreams, a Redis where the scenario has one, the gateway. */
export class Stage {
  readonly #upstreams = new Map<string, Child>();
  readonly #ports = new Map<string, number>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'gameday-'));
  readonly adminKey = randomBytes(24).toString('hex');
  readonly callerKey = randomBytes(24).toString('hex');
  #redis: Child | undefined;
  #redisPort = 0;
  #gateway: Child | undefined;
  publicUrl = '';
  opsUrl = '';

  constructor(
    private readonly scenario: Scenario,
    /** `PATH` of the programs that are started. */
    private readonly path: string,
    private readonly onGatewayLine: (line: string) => void,
  ) {}

  /** @throws Error with the last words of what did not start */
  async setUp(): Promise<void> {
    const { upstreams, redis } = this.scenario;
    for (const { name } of upstreams) this.#ports.set(name, await freePort());
    await Promise.all(upstreams.map(({ name }) => this.startUpstream(name)));
    if (redis) {
      this.#redisPort = await freePort();
      await this.startRedis();
    }
    await this.#startGateway();
  }

  async startUpstream(name: string): Promise<void> {
    if (this.#upstreams.get(name)?.ended === false) return;
    const settings = this.#upstream(name).settings;
    const flags = Object.entries(settings).flatMap(([key, value]) => [`--${kebabCase(key)}`, String(value)]);
    const port = String(this.#ports.get(name) ?? 0);
    const command = [process.execPath, join(DIST, 'cli.simulate.js'), '--port', port, '--name', name] as const;
    this.#upstreams.set(name, await Child.start(name, [...command, ...flags], { ready: /answers at/ }));
  }

  async killUpstream(name: string): Promise<void> {
    await this.#upstreams.get(name)?.end();
  }

  async controlUpstream(name: string, behaviour: object): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.get(name) ?? 0}/control`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(behaviour),
    });
    if (!response.ok) throw new Error(`${name} refuses its new behaviour: ${await response.text()}`);
  }

  async startRedis(): Promise<void> {
    const flags = ['--port', String(this.#redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', this.#folder];
    this.#redis = await Child.start('redis-server', ['redis-server', ...flags], {
      ready: /Ready to accept connections/,
      env: { PATH: this.path },
    });
  }

  async killRedis(): Promise<void> {
    await this.#redis?.end();
  }

  signalRedis(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#redis?.signal(signal);
  }

  /** Calls the operations API with an admin key. */
  admin(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`${this.opsUrl}/admin/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.adminKey}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  /** Ends every process, whatever its state. */
  async tearDown(): Promise<void> {
    await Promise.all([
      this.#gateway?.end(),
      this.#redis?.end(),
      ...[...this.#upstreams.values()].map((child) => child.end()),
    ]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startGateway(): Promise<void> {
    const path = join(this.#folder, 'gateway.yaml');
    const urls = new Map([...this.#ports].map(([name, port]) => [name, `http://127.0.0.1:${port}/v1`]));
    const file = gatewayFile(this.scenario, urls, { admin: this.adminKey, caller: this.callerKey });
    writeFileSync(path, stringify(file, { aliasDuplicateObjects: false }), { mode: 0o600 });
    this.#gateway = await Child.start('gateway', [process.execPath, join(DIST, 'main.js')], {
      ready: /Try it:/,
      env: {
        HOST: '127.0.0.1',
        PORT: '0',
        OPS_PORT: '0',
        CONFIG_PATH: path,
        GATEWAY_ALLOW_CHAOS: '1',
        ...(this.scenario.redis && { REDIS_URL: `redis://127.0.0.1:${this.#redisPort}` }),
      },
      onLine: this.onGatewayLine,
    });
    this.publicUrl = urlIn(this.#gateway.said, 'API');
    this.opsUrl = urlIn(this.#gateway.said, 'Metrics');
  }

  #upstream(name: string): ScenarioUpstream {
    const found = this.scenario.upstreams.find((upstream) => upstream.name === name);
    if (!found) throw new Error(`there is no upstream ${name}`);
    return found;
  }
}

function urlIn(said: string, label: string): string {
  const port = new RegExp(`${label} +http://[^:]+:(\\d+)`).exec(said)?.[1];
  return `http://127.0.0.1:${port ?? ''}`;
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A port that nobody listens on: it stays an upstream's own over its deaths. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
