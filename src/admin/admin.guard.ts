import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { Authenticator } from '../auth/authenticator.js';
import { ConfigStore } from '../config/config-store.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Principal } from '../kernel/snapshot.js';

const admins = new WeakMap<object, Principal>();

/** Only keys with the role admin pass. Anonymous access and the absence of such keys open nothing. */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly config: ConfigStore,
  ) {}

  /** @throws GatewayError invalid_api_key, permission_denied */
  canActivate(execution: ExecutionContext): boolean {
    const { raw } = execution.switchToHttp().getRequest<FastifyRequest>();
    const { current } = this.config;
    const principal = this.authenticator.authenticate(raw, current);
    if (principal === current.anonymous) throw new GatewayError('invalid_api_key');
    if (principal.role !== 'admin') throw new GatewayError('permission_denied');
    admins.set(raw, principal);
    return true;
  }
}

/** Who sent a request that the guard let through, as it stands in logs: `admin:<key id>`. */
export function adminOf({ raw }: FastifyRequest): string {
  return `admin:${admins.get(raw)?.keyId ?? 'unknown'}`;
}
