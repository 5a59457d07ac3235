import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');

export interface GatewayOptions {
  /** The gateway file as an object; absent: the shipped default. Nothing is shed unless it names `shedding`. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Node to run it with; absent: the one that runs the tests. */
  readonly node?: string;
  /** Where its log goes, a file descriptor; absent: to {@link GatewayProcess.log}. */
  readonly stdout?: number;
}

/** A gateway as its users have it: a process of its own, on free loopback ports. */
export class GatewayProcess {
  readonly #lines: string[] = [];
  #partial = '';
  stderr = '';

  private constructor(
    readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  publicUrl = '';
  opsUrl = '';

  /**
   * Starts it and waits until both listeners stand; one that does not is ended. `dist` must be built: the global set-up
   * does it.
   */
  static async start(options: GatewayOptions = {}, withinMs = 20_000): Promise<GatewayProcess> {
    const gateway = GatewayProcess.spawn(options);
    try {
      await gateway.#stands(withinMs);
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return gateway;
  }

  async #stands(withinMs: number): Promise<void> {
    await this.until(() => this.stderr.includes('Try it:') || this.exited, withinMs);
    const url = (name: string): string =>
      new RegExp(`${name} +(http\\S+?)(/v1|/metrics|\\s)`).exec(this.stderr)?.[1] ?? '';
    this.publicUrl = url('API').replace('localhost', '127.0.0.1');
    this.opsUrl = url('Metrics').replace('localhost', '127.0.0.1');
    if (this.publicUrl === '') throw new Error(`the gateway did not start:\n${this.stderr}`);
  }

  /** Starts it without waiting: for starts that must fail. */
  static spawn({ config, env = {}, node = process.execPath, stdout }: GatewayOptions = {}): GatewayProcess {
    const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
    const path = join(folder, 'gateway.yaml');
    if (config) writeFileSync(path, stringify(unshed(config), { aliasDuplicateObjects: false }));
    const child = spawn(node, [join(ROOT, 'dist', 'main.js')], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        PORT: '0',
        OPS_PORT: '0',
        ...(config && { CONFIG_PATH: path }),
        ...env,
      },
      stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
    });
    return new GatewayProcess(child, folder);
  }

  get exited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Every JSON line that it wrote so far. */
  get log(): readonly Record<string, unknown>[] {
    return this.#lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The ledger line of a request, once it is written. */
  async ledger(requestId: string): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined =>
      this.log.find((line) => line.msg === 'request' && line.requestId === requestId);
    await this.until(() => find() !== undefined);
    return find()!;
  }

  /** The samples of /metrics, by name and labels as they are written. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.opsUrl}/metrics`)).text();
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  }

  post(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${this.publicUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /** Waits for a condition that the process brings about; fails after `withinMs`. */
  async until(condition: () => boolean, withinMs = 20_000): Promise<void> {
    const end = Date.now() + withinMs;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`nothing came of it within ${withinMs} ms; stderr: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Ends it and removes its files. @returns the exit code */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (!this.exited) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill(signal);
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
    return this.child.exitCode;
  }

  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    this.#lines.push(...lines.filter((line) => line !== ''));
  }
}

/** A test machine that is busy with other tests would shed requests that are not about that. */
function unshed(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { resilience = {} } = config;
  if (typeof resilience !== 'object' || resilience === null || 'shedding' in resilience) return config;
  return { ...config, resilience: { ...resilience, shedding: { enabled: false } } };
}
