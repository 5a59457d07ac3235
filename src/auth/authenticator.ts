import { Injectable } from '@nestjs/common';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Principal, type Snapshot } from '../kernel/snapshot.js';

/** Who a caller is, from its credential alone. */
@Injectable()
export class Authenticator {
  /** @throws GatewayError invalid_api_key */
  authenticate(_authorization: string | undefined, snapshot: Snapshot): Principal {
    if (snapshot.anonymous) return snapshot.anonymous;
    throw new GatewayError('invalid_api_key');
  }
}
