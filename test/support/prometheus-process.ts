import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

const SCALE = 60;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The same rules with every window and pause a sixtieth as long: names of recorded series stay. */
export function scaledRules(text: string): string {
  const scaled = (length: string, unit: string): string => `${(Number(length) * SECONDS[unit]! * 1000) / SCALE}ms`;
  return text
    .replaceAll(/\[(\d+)([smhd])\]/g, (_window, length: string, unit: string) => `[${scaled(length, unit)}]`)
    .replaceAll(
      /\b(for|interval|keep_firing_for): (\d+)([smhd])/g,
      (_pause, name: string, length: string, unit: string) => `${name}: ${scaled(length, unit)}`,
    )
    .replaceAll(/\boffset (\d+)([smhd])/g, (_offset, length: string, unit: string) => `offset ${scaled(length, unit)}`);
}

/** A real Prometheus that scrapes one target every half second. */
export class PrometheusProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly url: string,
  ) {}

  /** @param rules texts of rule files */
  static async start(target: string, rules: readonly string[]): Promise<PrometheusProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
    rules.forEach((text, at) => writeFileSync(join(folder, `rules-${at}.yml`), text));
    const config = {
      global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
      rule_files: ['rules-*.yml'],
      scrape_configs: [{ job_name: 'gateway', static_configs: [{ targets: [new URL(target).host] }] }],
    };
    writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn('prometheus', [...flags, `--web.listen-address=${address}`], { stdio: 'ignore' });
    const prometheus = new PrometheusProcess(child, folder, `http://${address}`);
    await prometheus.until(async () => (await fetch(`http://${address}/-/ready`)).ok, 20_000);
    return prometheus;
  }

  /** The names of alerts that fire. */
  async firing(): Promise<string[]> {
    const { data } = (await this.#get('alerts')) as {
      data: { alerts: { state: string; labels: { alertname: string } }[] };
    };
    return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
  }

  /** How many series an expression gives now. @throws Error for one that Prometheus refuses */
  async series(expression: string): Promise<number> {
    const answer = (await this.#get(`query?query=${encodeURIComponent(expression)}`)) as {
      status: string;
      error?: string;
      data: { result: unknown[] };
    };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.length;
  }

  /** Waits for a condition; fails after `withinMs`. */
  async until(condition: () => Promise<boolean>, withinMs: number): Promise<void> {
    const end = Date.now() + withinMs;
    while (!(await condition().catch(() => false))) {
      if (Date.now() > end) throw new Error(`nothing came of it within ${withinMs} ms`);
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #get(path: string): Promise<unknown> {
    return (await fetch(`${this.url}/api/v1/${path}`)).json();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
