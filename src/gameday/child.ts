import { type ChildProcess, spawn } from 'node:child_process';
import { systemClock } from '../kernel/clock.js';

const STARTS_WITHIN_MS = 20_000;

/** A process of the game day's own. */
export class Child {
  #said = '';
  readonly #process: ChildProcess;

  private constructor(
    readonly name: string,
    command: readonly [string, ...string[]],
    env: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
  ) {
    const [program, ...args] = command;
    const child = spawn(program, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    child.once('error', (error) => (this.#said += error.message));
    let partial = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // What it says at its start is read as text, afterwards as lines.
      if (this.#said.length < 20_000) this.#said += text;
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
  }

  /**
   * Starts a program and waits until it has said something.
   * @throws Error with its last words where it ends first, or says nothing in time
   */
  static async start(
    name: string,
    command: readonly [string, ...string[]],
    options: {
      readonly ready: RegExp;
      readonly env?: Readonly<Record<string, string>>;
      readonly onLine?: (line: string) => void;
    },
  ): Promise<Child> {
    const child = new Child(name, command, options.env ?? {}, options.onLine ?? (() => undefined));
    for (const end = systemClock.now() + STARTS_WITHIN_MS; !options.ready.test(child.said);) {
      if (child.ended || systemClock.now() > end) {
        await child.end();
        throw new Error(`${name} did not start:\n${child.said.slice(-2_000)}`);
      }
      await passed(20);
    }
    return child;
  }

  /** What it wrote at its start, and all of its errors. */
  get said(): string {
    return this.#said;
  }

  get ended(): boolean {
    const { exitCode, signalCode, pid } = this.#process;
    return exitCode !== null || signalCode !== null || pid === undefined;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.ended) this.#process.kill(signal);
  }

  /** SIGKILL, and waits for its end: a stopped process dies of it, too. */
  async end(): Promise<void> {
    if (this.ended) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}

export function passed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.after(ms, resolve);
  });
}
