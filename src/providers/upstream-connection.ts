import { type Socket } from 'node:net';
import { finishedReading, startReading } from '../kernel/returned-memory.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type TurnBatch } from '../kernel/turn-batch.js';
import { type ResponseHead } from './response-head.js';
import { ResponseReader, type ResponseSink } from './response-reader.js';
import { type UpstreamConnector } from './upstream-connector.js';
import { type ProducerControl, type UpstreamExchange } from './upstream-exchange.js';

/** A request as it goes over the wire. */
export interface WireRequest {
  /** Request line and headers, to the empty line. */
  readonly head: string;
  readonly body: readonly Buffer[] | null;
  /** Of the body, bytes. */
  readonly size: number;
}

/** Who owns connections. */
export interface ConnectionOwner {
  /** It can carry another request, for so many ms. */
  idle(connection: UpstreamConnection, keepAliveMs: number): void;
  /** It has ended. */
  gone(connection: UpstreamConnection): void;
  /**
   * It carried an answer before, and has ended without a byte of the one to this request.
   * @returns whether another connection carries the request instead
   */
  replace(connection: UpstreamConnection, request: WireRequest, exchange: UpstreamExchange): boolean;
}

/** Up to this size a body leaves in one write with its head: copying it costs less than a second piece. */
const ONE_WRITE_BYTES = 8 * 1024;

/** One HTTP/1.1 connection to an upstream: one request at a time, and the next one on the same socket. */
export class UpstreamConnection implements ProducerControl, ResponseSink {
  readonly #socket: Socket;
  readonly #reader = new ResponseReader(this);
  #connected = false;
  /** The request that is under way. */
  #request: WireRequest | undefined;
  #exchange: UpstreamExchange | undefined;
  /** Whether it has carried an answer; whether the request has left; and whether a byte of its answer has come. */
  #hasServed = false;
  #sent = false;
  #answering = false;
  /** Set by its owner, monotonic ms: until when it may carry another request, and when it was last taken for one. */
  usableUntil = 0;
  takenAt = 0;

  constructor(
    connector: UpstreamConnector,
    private readonly owner: ConnectionOwner,
    private readonly writes: TurnBatch,
  ) {
    this.#socket = connector.open(
      (bytes) => this.#received(bytes),
      () => (this.#connected = true),
    );
    this.#socket
      .on('error', (error) => this.#failed(error))
      .on('end', () => this.#ended())
      .on('close', () => {
        this.#ended();
        owner.gone(this);
      });
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a request at the end of this turn; its answer, or what became of it, goes to `exchange`. No other must be under way. */
  carry(request: WireRequest, exchange: UpstreamExchange): void {
    this.#request = request;
    this.#exchange = exchange;
    exchange.control(this);
    const { head, body, size } = request;
    if (body && size > ONE_WRITE_BYTES) {
      startReading(body);
      this.writes.add(() => {
        if (this.#request === request) this.#writePieces(head, body);
        else finishedReading(body);
      });
    } else {
      this.writes.add(() => {
        if (this.#request === request) this.#writeAtOnce(head, body);
      });
    }
  }

  #writeAtOnce(head: string, body: readonly Buffer[] | null): void {
    this.#begin();
    let text = head;
    for (const piece of body ?? []) text += piece.toString('latin1');
    this.#socket.write(text, 'latin1');
  }

  #writePieces(head: string, body: readonly Buffer[]): void {
    const socket = this.#socket;
    this.#begin();
    socket.cork();
    socket.write(head, 'latin1');
    body.forEach((piece, at) => {
      // The last of them is written, or never will be.
      if (at === body.length - 1) socket.write(piece, () => finishedReading(body));
      else socket.write(piece);
    });
    socket.uncork();
  }

  #begin(): void {
    this.#sent = true;
    this.#reader.expect();
  }

  /** Lets go of the connection at once, and tells nobody. */
  abort(): void {
    this.#exchange = this.#request = undefined;
    this.#socket.destroy();
  }

  /** The same, and what it carries fails. */
  destroy(): void {
    const exchange = this.#exchange;
    this.abort();
    exchange?.fail(this.#failureOf(undefined, exchange));
  }

  resume(): void {
    this.#socket.resume();
  }

  head(head: ResponseHead): void {
    this.#exchange?.onHead(head);
  }

  body(bytes: Buffer): void {
    if (this.#exchange?.onData(bytes) === false) this.#socket.pause();
  }

  end(keepAliveMs: number): void {
    const exchange = this.#exchange;
    this.#served(keepAliveMs);
    exchange?.onEnd();
  }

  whole(bytes: Buffer, keepAliveMs: number): void {
    const exchange = this.#exchange;
    this.#served(keepAliveMs);
    exchange?.onWhole(bytes);
  }

  /** An answer has come to its end. */
  #served(keepAliveMs: number): void {
    this.#exchange = this.#request = undefined;
    this.#hasServed = true;
    this.#sent = this.#answering = false;
    if (keepAliveMs === 0) this.#socket.destroy();
    else if (this.#socket.writableLength === 0) this.#keep(keepAliveMs);
    // TLS says only in a later turn that a request has left whole; of one that was answered early, the rest is still to come.
    else this.writes.add(() => this.#keep(keepAliveMs));
  }

  #keep(keepAliveMs: number): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.writableLength > 0) {
      socket.destroy();
      return;
    }
    if (socket.isPaused()) socket.resume();
    this.owner.idle(this, keepAliveMs);
  }

  #received(bytes: Buffer): void {
    if (!this.#sent) {
      // Nobody has asked for anything: what came answers no request.
      this.#failed(undefined);
      return;
    }
    this.#answering = true;
    if (this.#reader.push(bytes)) return;
    const exchange = this.#exchange;
    this.abort();
    exchange?.fail(new UpstreamFailure('fault', 'malformed', 'elsewhere'));
  }

  #ended(): void {
    if (this.#exchange && !this.#reader.close()) this.#failed(undefined);
  }

  #failed(error: Error | undefined): void {
    const exchange = this.#exchange;
    const request = this.#request;
    this.abort();
    if (!exchange || !request) return;
    if (this.#hasServed && !this.#answering && this.owner.replace(this, request, exchange)) return;
    exchange.fail(this.#failureOf(error, exchange));
  }

  #failureOf(error: Error | undefined, exchange: UpstreamExchange): UpstreamFailure {
    if (error instanceof UpstreamFailure) return error;
    const details = error ? { cause: error } : {};
    if (!this.#connected) return new UpstreamFailure('fault', 'connect_error', 'elsewhere', details);
    return new UpstreamFailure('fault', exchange.headReceived ? 'truncated' : 'reset', 'same', details);
  }
}
