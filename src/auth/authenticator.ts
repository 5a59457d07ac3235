import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
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
   * @param address of the caller, for counting failures
   * @throws GatewayError invalid_api_key; rate_limit_exceeded where an address fails too often
   */
  authenticate(authorization: string | undefined, snapshot: Snapshot, address = ''): Principal {
    return this.identify(authorization, snapshot) ?? this.#nobody(snapshot, address);
  }

  /**
   * The same for a caller whose connection asks again and again: a key that it was accepted with before costs no digest.
   * @throws GatewayError as `authenticate`
   */
  authenticateOn(socket: Socket, authorization: string | undefined, snapshot: Snapshot): Principal {
    const known = authorization && acceptedBefore(socket, authorization, snapshot, this.clock.wall());
    if (known) return known;
    const owner = this.#find(authorization, snapshot);
    if (owner === undefined || authorization === undefined) return this.#nobody(snapshot, socket.remoteAddress ?? '');
    rememberKey(socket, { authorization, snapshot, ...owner });
    return owner.principal;
  }

  /** The owner of a valid key that has not expired; never the anonymous principal. */
  identify(authorization: string | undefined, snapshot: Snapshot): Principal | undefined {
    return this.#find(authorization, snapshot)?.principal;
  }

  #find(authorization: string | undefined, snapshot: Snapshot): KeyOwner | undefined {
    const key = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (key === undefined || (looksMinted(key) && !hasValidChecksum(key))) return undefined;
    return this.#indexes.get(snapshot)?.find(key, this.clock.wall());
  }

  #nobody({ anonymous }: Snapshot, address: string): Principal {
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
