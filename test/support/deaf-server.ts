import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Listens with the shortest queue, tells its port, and never turns its event loop again. */
const LISTENER = `
  require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    require('node:fs').writeSync(1, String(this.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
/** A connection on loopback that is not there after this long is not being made, ms. */
const NOT_COMING_MS = 250;
const MOST = 32;

/** A server whose queue of connections is full: whoever dials it hears nothing, not even a refusal. */
export class DeafServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly queued: readonly Socket[],
  ) {}

  static async start(): Promise<DeafServer> {
    const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [told] = (await once(child.stdout, 'data')) as [Buffer];
    const port = Number(told.toString());
    const queued: Socket[] = [];
    while (queued.length < MOST) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      queued.push(socket);
      const connected = once(socket, 'connect').then(() => true);
      const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), NOT_COMING_MS));
      if (!(await Promise.race([connected, late]))) return new DeafServer(child, port, queued);
    }
    child.kill('SIGKILL');
    throw new Error(`${MOST} connections did not fill the queue`);
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async stop(): Promise<void> {
    for (const socket of this.queued) socket.destroy();
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}
