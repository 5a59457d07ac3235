import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type SimulatedStats } from '../../src/providers/simulated/simulated-server.js';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.simulate.js');

/** A simulated upstream as a process of its own, on a free loopback port. */
export class SimulatedProcess {
  private constructor(
    readonly child: ChildProcess,
    /** For a provider's baseUrl: ends in `/v1`. */
    readonly baseUrl: string,
  ) {}

  /** @param options as on the command line: `{ 'token-ms': 0 }` */
  static async start(options: Readonly<Record<string, string | number>> = {}): Promise<SimulatedProcess> {
    const flags = Object.entries({ port: 0, ...options }).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn(process.execPath, [CLI, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const baseUrl = await new Promise<string>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const url = /answers at (\S+)\n/.exec(said)?.[1];
        if (url !== undefined) resolve(url);
      });
      child.once('exit', () => reject(new Error(`the simulated upstream did not start:\n${said}`)));
    });
    return new SimulatedProcess(child, baseUrl);
  }

  async stats(): Promise<SimulatedStats> {
    return (await (await fetch(new URL('/stats', this.baseUrl))).json()) as SimulatedStats;
  }

  /** Changes how it behaves: `{ settings: { tokenMs: 5 }, faults: ['status-503'] }`. */
  async control(behaviour: object): Promise<void> {
    const response = await fetch(new URL('/control', this.baseUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(behaviour),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    await ended;
  }
}
