import { createServer, type Server, type Socket, type AddressInfo } from 'node:net';

/** What the upstream says next. */
export interface Replay {
  /** Status line, headers and body with their framing, as recorded. */
  readonly bytes: Buffer;
  /** `open`: nothing more, and the connection stays; `fin`: it ends without a word. */
  readonly then: 'open' | 'fin';
  /** Bytes per write; absent: all at once. */
  readonly pieceBytes?: number;
}

/** A TCP server that answers every request with the same recorded bytes, whatever they are. */
export class ReplayUpstream {
  /** Requests as received, head and body. */
  readonly received: { readonly head: string; readonly body: Buffer }[] = [];
  replay: Replay = { bytes: Buffer.alloc(0), then: 'fin' };
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.#serve(socket);
    });
  }

  static async start(): Promise<ReplayUpstream> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ReplayUpstream(server);
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      const headEnd = pending.indexOf('\r\n\r\n') + 4;
      if (headEnd < 4) return;
      const head = pending.toString('latin1', 0, headEnd);
      const end = headEnd + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (pending.length < end) return;
      this.received.push({ head, body: pending.subarray(headEnd, end) });
      pending = pending.subarray(end);
      void this.#answer(socket);
    });
  }

  async #answer(socket: Socket): Promise<void> {
    const { bytes, then, pieceBytes = bytes.length } = this.replay;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      socket.write(bytes.subarray(at, at + pieceBytes));
      // Each piece leaves before the next is written, so that it can arrive as a read of its own.
      if (pieceBytes < bytes.length) await new Promise((resolve) => setImmediate(resolve));
    }
    if (then === 'fin') socket.end();
  }
}
