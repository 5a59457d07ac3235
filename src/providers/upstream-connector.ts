import { lookup as dnsLookup } from 'node:dns';
import { BlockList, connect, isIP, type LookupFunction, Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { certificateSeen } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { sharedLookup } from './shared-lookup.js';

/** Loopback, private, link-local, carrier-grade, benchmark, multicast and reserved ranges (IANA special-purpose registries). */
const privateAddresses = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateAddresses.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  // With ::1, and IPv4 as IPv6 embedded it before.
  ['::', 96],
  // IPv4 behind translators and tunnels: which address it is, they decide.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  privateAddresses.addSubnet(net, prefix, 'ipv6');
}

/** Whether an address must not be dialled unless the provider says `allowPrivate`. IPv4-mapped IPv6 counts as its IPv4. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '');
  return privateAddresses.check(bare, isIP(bare) === 6 ? 'ipv6' : 'ipv4');
}

/** How a provider may be dialled. */
export interface DialRules {
  readonly connectMs: number;
  readonly allowPrivate: boolean;
}

/** The address of an upstream. */
export interface Origin {
  readonly isSecure: boolean;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Room that all plain sockets are read into, one read at a time: whoever is given bytes keeps none. */
const room = Buffer.allocUnsafeSlow(64 * 1024);
const KEEP_ALIVE_PROBE_MS = 60_000;

/**
 * Opens sockets to one upstream: bounded in time, and refusing private addresses at the moment of the connection, so that a
 * name cannot change its mind after a check.
 */
export class UpstreamConnector {
  /** Of the last TLS connection: the next one need not negotiate anew. */
  #session: Buffer | undefined;

  constructor(
    private readonly origin: Origin,
    private readonly rules: DialRules,
    private readonly clock: Clock,
  ) {}

  /**
   * The socket may be written to at once. Where no connection comes about it fails, after `connectMs` with an UpstreamFailure.
   * @param received is given what comes, to be read before it returns
   * @param connected is called once
   */
  open(received: (bytes: Buffer) => void, connected: () => void): Socket {
    const { hostname, isSecure } = this.origin;
    if (!this.rules.allowPrivate && isIP(hostname) !== 0 && isPrivateAddress(hostname)) {
      return new Socket().destroy(refused());
    }
    const socket = isSecure ? this.#secure(received) : this.#plain(received);
    const timer = this.clock.after(this.rules.connectMs, () => {
      socket.destroy(new UpstreamFailure('fault', 'connect_timeout', 'elsewhere'));
    });
    const offered = this.#session;
    const failed = (): void => {
      // What was offered may be why no connection came about.
      if (this.#session === offered) this.#session = undefined;
    };
    socket.once('error', failed);
    socket.once('close', () => timer.cancel());
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      socket.off('error', failed);
      timer.cancel();
      connected();
    });
    return socket;
  }

  #plain(received: (bytes: Buffer) => void): Socket {
    const callback = (size: number): boolean => {
      received(room.subarray(0, size));
      return true;
    };
    return connect({ ...this.#options(), onread: { buffer: room, callback } });
  }

  #secure(received: (bytes: Buffer) => void): Socket {
    const { hostname } = this.origin;
    const socket = connectTls({
      ...this.#options(),
      ...(isIP(hostname) === 0 && { servername: hostname }),
      ...(this.#session && { session: this.#session }),
      ALPNProtocols: ['http/1.1'],
    });
    socket.on('session', (session) => (this.#session = session));
    socket.once('secureConnect', () => noteCertificate(socket, hostname));
    return socket.on('data', received);
  }

  #options() {
    const { hostname, port } = this.origin;
    return {
      host: hostname,
      port,
      lookup: lookupOf(this.rules),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    };
  }
}

function noteCertificate(socket: TLSSocket, hostname: string): void {
  if (!certificateSeen.heard) return;
  // Absent where a session was resumed without it.
  const expiresAt = Date.parse(socket.getPeerCertificate().valid_to);
  if (!Number.isNaN(expiresAt)) certificateSeen.publish({ hostname, expiresAt });
}

function refused(): UpstreamFailure {
  return new UpstreamFailure('fault', 'connect_error', 'elsewhere', {
    cause: new Error('private address refused: the provider does not say allowPrivate'),
  });
}

const lookupAll = sharedLookup((hostname, options, found) => {
  dnsLookup(hostname, options, found);
});

/** How names become addresses: private ones are left out unless the provider says `allowPrivate`. */
function lookupOf({ allowPrivate }: DialRules): LookupFunction {
  return (hostname, options, callback) => {
    lookupAll(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, []);
        return;
      }
      const allowed = allowPrivate ? addresses : addresses.filter(({ address }) => !isPrivateAddress(address));
      const [first] = allowed;
      if (!first) callback(refused(), []);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
