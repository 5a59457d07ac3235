import { lookup as dnsLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
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

/**
 * Opens sockets for undici: bounded in time to the ms (undici's own timer is coarse), and refusing private
 * addresses at the moment of the connection, so that a name cannot change its mind after a check.
 */
export function upstreamConnector(rules: DialRules, clock: Clock): buildConnector.connector {
  const connect = buildConnector({
    timeout: 0,
    lookup: lookupOf(rules),
  });

  return (options, callback) => {
    if (!rules.allowPrivate && isIP(options.hostname) !== 0 && isPrivateAddress(options.hostname)) {
      callback(refused(), null);
      return;
    }
    const finish: buildConnector.Callback = (...[error, connected]) => {
      timer.cancel();
      if (error) {
        callback(asConnectFailure(error), null);
        return;
      }
      noteBytesRead(connected);
      if (connected instanceof TLSSocket) noteCertificate(connected, options.hostname);
      callback(null, connected);
    };
    // undici returns the socket, which its types do not say.
    const dial = connect as unknown as (...args: Parameters<typeof connect>) => Socket | undefined;
    const timer = clock.after(rules.connectMs, () => {
      socket?.destroy(new UpstreamFailure('fault', 'connect_timeout', 'elsewhere'));
    });
    const socket = dial(options, finish);
  };
}

const bytesReadAtError = new WeakMap<Error, number>();

/** Whether the socket that failed had already carried an answer: a stale pooled connection, safe to replace once. */
export function failedOnReusedSocket(error: Error & { socket?: { bytesRead?: number } | null }): boolean {
  return (error.socket?.bytesRead ?? bytesReadAtError.get(error) ?? 0) > 0;
}

function noteBytesRead(socket: Socket): void {
  // First in line, so that the number is there when undici fails the request that was on the socket.
  socket.prependListener('error', (error) => {
    bytesReadAtError.set(error, socket.bytesRead);
  });
}

function noteCertificate(socket: TLSSocket, hostname: string): void {
  if (!certificateSeen.heard) return;
  // Absent where a session was resumed without it.
  const expiresAt = Date.parse(socket.getPeerCertificate().valid_to);
  if (!Number.isNaN(expiresAt)) certificateSeen.publish({ hostname, expiresAt });
}

function asConnectFailure(error: Error): UpstreamFailure {
  return error instanceof UpstreamFailure
    ? error
    : new UpstreamFailure('fault', 'connect_error', 'elsewhere', { cause: error });
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
