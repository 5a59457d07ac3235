import { connect, type Socket } from 'node:net';
import { type HttpResponse, readResponse } from './http-response.js';

/** A client that sends the bytes it is given, and nothing else: what no HTTP library would send. */
export class RawConnection {
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#notify();
    });
    socket.on('error', () => undefined);
    for (const event of ['end', 'close'] as const) {
      socket.on(event, () => {
        this.#ended = true;
        this.#notify();
      });
    }
  }

  /** @param from the loopback address that the caller has */
  static open(url: string, from?: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const localAddress = from === undefined ? {} : { localAddress: from };
      const socket = connect({ port: Number(port), host: hostname, ...localAddress }, () => {
        resolve(new RawConnection(socket));
      });
      socket.once('error', reject);
    });
  }

  send(...pieces: readonly (string | Buffer)[]): this {
    for (const piece of pieces) this.socket.write(piece);
    return this;
  }

  /** What came and was not read as an answer yet. */
  get unread(): string {
    return this.#received.toString('latin1');
  }

  /** The next answer, interim ones included. */
  async answer(withinMs = 15_000): Promise<HttpResponse> {
    for (;;) {
      const read = readResponse(this.#received, this.#ended);
      if (read) {
        this.#received = Buffer.from(read.rest);
        return read.response;
      }
      if (this.#ended) throw new Error(`the connection ended without an answer: ${JSON.stringify(this.unread)}`);
      await this.#change(withinMs, 'no answer');
    }
  }

  /** Waits until the other side has closed. */
  async closed(withinMs = 15_000): Promise<void> {
    while (!this.#ended) await this.#change(withinMs, 'still open');
  }

  /** Waits until some bytes arrived that match. */
  async until(pattern: RegExp, withinMs = 15_000): Promise<void> {
    while (!pattern.test(this.unread)) {
      if (this.#ended) throw new Error(`the connection ended without ${pattern.source}: ${this.unread.slice(-500)}`);
      await this.#change(withinMs, `no ${pattern.source}`);
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  #change(withinMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${what} within ${withinMs} ms; so far: ${JSON.stringify(this.unread.slice(0, 500))}`));
      }, withinMs);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A request's bytes; a string body gets its Content-Length unless the headers frame it themselves. */
export function requestBytes(line: string, headers: readonly string[] = [], body: string | Buffer = ''): Buffer {
  const framed = headers.some((header) => /^(content-length|transfer-encoding):/i.test(header));
  const head = [line, 'Host: gateway', ...headers, ...(framed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`])];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}
