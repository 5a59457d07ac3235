import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type IncomingMessage } from 'node:http';
import { type Socket } from 'node:net';
import { ConfigStore } from '../config/config-store.js';
import { Environment } from '../config/env.js';
import { authenticationFailed } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Principal, type Snapshot } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { acceptedBefore, rememberKey } from './accepted-key.js';
import { hasValidChecksum, looksMinted } from './api-key-format.js';
import { FailureBucket } from './failure-bucket.js';
import { KeyIndex, type KeyOwner } from './key-index.js';

/** What of a request says who sent it. */
export type KeyedRequest = Pick<IncomingMessage, 'headers' | 'socket'>;

const BEARER = /^Bearer +(\S+)$/;

/** Who a caller is, from its credential alone. */
@Injectable()
export class Authenticator implements OnModuleInit {
  readonly #indexes = new WeakMap<Snapshot, KeyIndex>();
  readonly #failures: FailureBucket;
  readonly #pepper: string | undefined;

  constructor(
    private readonly config: ConfigStore,
    environment: Environment,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#failures = new FailureBucket(clock);
    this.#pepper = environment.GATEWAY_KEY_PEPPER?.reveal();
  }

  async onModuleInit(): Promise<void> {
    await this.config.prepare((candidate) => {
      this.#indexes.set(candidate, new KeyIndex(candidate.keys, this.#pepper));
    });
  }

  /**
   * The owner of a request's key, or the anonymous caller where there is one. A key that its connection was accepted with
   * before costs no digest.
   * @throws GatewayError invalid_api_key; rate_limit_exceeded where an address fails too often
   */
  authenticate({ headers, socket }: KeyedRequest, snapshot: Snapshot): Principal {
    const { authorization } = headers;
    if (authorization === undefined) return this.#nobody(snapshot, socket);
    const known = acceptedBefore(socket, authorization, snapshot, this.clock.wall());
    if (known) return known;
    const owner = this.#find(authorization, snapshot);
    if (owner === undefined) return this.#nobody(snapshot, socket);
    rememberKey(socket, { authorization, snapshot, ...owner });
    return owner.principal;
  }

  /** Of a valid key that has not expired. */
  #find(authorization: string, snapshot: Snapshot): KeyOwner | undefined {
    const key = BEARER.exec(authorization)?.[1];
    if (key === undefined || (looksMinted(key) && !hasValidChecksum(key))) return undefined;
    return this.#indexes.get(snapshot)?.find(key, this.clock.wall());
  }

  #nobody({ anonymous }: Snapshot, { remoteAddress: address = '' }: Socket): Principal {
    if (anonymous) return anonymous;
    authenticationFailed.publish({ address });
    const waitMs = this.#failures.fail(address);
    if (waitMs === 0) throw new GatewayError('invalid_api_key');
    throw new GatewayError('rate_limit_exceeded', {
      message: 'Too many failed authentications from this address.',
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)), 'retry-after-ms': String(Math.ceil(waitMs)) },
    });
  }
}
