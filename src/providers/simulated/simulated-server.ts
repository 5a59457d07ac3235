import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Clock } from '../../kernel/clock.js';
import { type SimulatedSettings } from '../../kernel/snapshot.js';
import { ScriptPlayer, type ScriptSink } from './script-player.js';
import { SimulatedBehaviour } from './simulated-control.js';
import { simulate } from './simulated-engine.js';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;
const OWNER = 'simulated';

/** What became of the chat requests so far: every received one is aborted, completed, cut or in flight. */
export interface SimulatedStats {
  received: number;
  /** The caller let go before its answer was complete. */
  aborted: number;
  completed: number;
  /** This server broke the connection, as a fault asked for. */
  cut: number;
  inFlight: number;
}

/** An OpenAI-compatible upstream of its own: the simulated engine over real HTTP, its behaviour changeable as it runs. */
export class SimulatedServer {
  readonly #behaviour: SimulatedBehaviour;
  readonly #server: Server;
  readonly #stats: SimulatedStats = { received: 0, aborted: 0, completed: 0, cut: 0, inFlight: 0 };

  constructor(
    readonly name: string,
    settings: SimulatedSettings,
    private readonly clock: Clock,
  ) {
    this.#behaviour = new SimulatedBehaviour(settings);
    this.#server = createServer((request, response) => {
      this.#route(request, response).catch(() => response.destroy());
    });
  }

  /**
   * @param port 0 takes any free one
   * @returns the port
   */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0] ?? '';
    const model = /^GET \/v1\/models\/(.+)$/.exec(`${request.method} ${path}`)?.[1];
    switch (`${request.method} ${path}`) {
      case 'POST /v1/chat/completions':
        await this.#complete(request, response);
        break;
      case 'POST /control':
        await this.#control(request, response);
        break;
      case 'GET /health':
        answer(response, 200, { status: 'ok' });
        break;
      case 'GET /stats':
        answer(response, 200, this.#report());
        break;
      case 'GET /v1/models':
        answer(response, 200, { object: 'list', data: [modelObject('mock-model')] });
        break;
      default:
        if (model === undefined) refuse(response, 404, `Unknown request URL: ${request.method} ${path}.`);
        else answer(response, 200, modelObject(decodeURIComponent(model)));
    }
  }

  async #complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const serial = this.#stats.received++;
    this.#stats.inFlight++;
    let wasCut = false;
    response.once('close', () => {
      this.#stats.inFlight--;
      if (wasCut) this.#stats.cut++;
      else if (response.writableFinished) this.#stats.completed++;
      else this.#stats.aborted++;
    });
    const body = await readAll(request);
    const { settings, faults } = this.#behaviour;
    const script = simulate(body, settings, this.clock.wall(), serial, faults);
    const cut = (): void => {
      wasCut = true;
      // After what was written has left: a cut loses the rest of an answer, never its beginning.
      this.clock.after(0, () => request.socket.destroy());
    };
    const player = new ScriptPlayer(script, sinkOf(response, cut), this.clock);
    response.once('close', () => player.stop());
    if (!response.closed) player.start();
  }

  /** Only from this machine, and only as JSON, which no foreign web page can send unasked. */
  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!LOOPBACK.test(request.socket.remoteAddress ?? '')) {
      refuse(response, 403, 'Only from this machine.');
    } else if (!request.headers['content-type']?.startsWith('application/json')) {
      refuse(response, 415, 'Send application/json.');
    } else {
      const body = await readAll(request);
      try {
        this.#behaviour.change(JSON.parse(body.toString()));
        answer(response, 200, this.#report());
      } catch (error) {
        refuse(response, 400, error instanceof RangeError ? error.message : 'The body is not valid JSON.');
      }
    }
  }

  #report(): object {
    const { settings, faultWords } = this.#behaviour;
    return { name: this.name, ...this.#stats, settings, faults: faultWords };
  }
}

function sinkOf(response: ServerResponse, cut: () => void): ScriptSink {
  return {
    head: (status, headers) => response.writeHead(status, headers).flushHeaders(),
    data: (text) => void response.write(text),
    end: () => void response.end(),
    cut,
  };
}

function modelObject(id: string): object {
  return { id, object: 'model', created: 0, owned_by: OWNER };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, message: string): void {
  answer(response, status, { error: { message, type: 'invalid_request_error', param: null, code: null } });
}

/** @throws Error for a body that is too large, or that breaks off: the connection is then of no more use */
async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
