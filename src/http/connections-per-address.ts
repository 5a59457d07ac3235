import { type Server } from 'node:http';
import { type Socket } from 'node:net';
import { connectionRefused } from '../kernel/channels.js';

/** Bounds the open connections of one client address, so that one caller cannot use up those of all others. */
export class ConnectionsPerAddress {
  readonly #open = new Map<string, number>();

  /** @param limit read for each connection: a reload changes it; undefined = no bound */
  watch(server: Server, limit: () => number | undefined): void {
    server.on('connection', (socket: Socket) => {
      this.#count(socket, limit());
    });
  }

  #count(socket: Socket, limit: number | undefined): void {
    const { remoteAddress } = socket;
    // Gone already.
    if (remoteAddress === undefined) return;
    const open = (this.#open.get(remoteAddress) ?? 0) + 1;
    if (limit !== undefined && open > limit) {
      connectionRefused.publish({ address: remoteAddress });
      socket.destroy();
      return;
    }
    this.#open.set(remoteAddress, open);
    socket.once('close', () => {
      this.#release(remoteAddress);
    });
  }

  #release(address: string): void {
    const left = (this.#open.get(address) ?? 1) - 1;
    if (left === 0) this.#open.delete(address);
    else this.#open.set(address, left);
  }
}
