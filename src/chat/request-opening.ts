import { Inject, Injectable } from '@nestjs/common';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { Authenticator } from '../auth/authenticator.js';
import { ChaosControl } from '../chaos/chaos-control.js';
import { ConfigStore } from '../config/config-store.js';
import { TraceHeader } from '../explain/trace-header.js';
import { attachContext } from '../http/context-slot.js';
import { tooLarge } from '../http/json-body.js';
import { traceparentOf } from '../http/request-id.js';
import { requestEnded, requestOpened, requestRefused, requestShed } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { RequestContext } from '../kernel/request-context.js';
import { type Principal, type Snapshot } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { ulid } from '../kernel/ulid.js';
import { requestTimeoutMs } from '../resilience/deadline.js';
import { DrainState } from '../resilience/drain-state.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { effectivePriority } from '../resilience/priority.js';

const TOTAL_MS = 600_000;
/** The status that the log shows for a caller that left before it got one. */
const CLIENT_CLOSED_REQUEST = 499;

/** Step 1 of a chat request, before a byte of its body is read: cheapest refusals first, then the context. */
@Injectable()
export class RequestOpening {
  constructor(
    private readonly config: ConfigStore,
    private readonly authenticator: Authenticator,
    private readonly drain: DrainState,
    private readonly inFlight: InFlightRequests,
    private readonly load: LoadShedding,
    private readonly trace: TraceHeader,
    private readonly chaos: ChaosControl,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws GatewayError shutting_down, invalid_api_key, overloaded, unsupported_media_type, request_too_large */
  open(request: FastifyRequest, reply: FastifyReply): void {
    let principal: Principal | undefined;
    try {
      const snapshot = this.config.current;
      if (this.drain.refusing) throw this.#draining();
      principal = this.authenticator.authenticate(request.raw, snapshot);
      this.#admit(request, reply, snapshot, principal);
    } catch (error) {
      const priority = principal?.priority ?? 'default';
      if (error instanceof GatewayError) requestRefused.publish({ code: error.code, status: error.status, priority });
      throw error;
    }
  }

  #draining(): GatewayError {
    requestShed.publish({ reason: 'draining', priority: 'default' });
    return new GatewayError('shutting_down');
  }

  #admit(request: FastifyRequest, reply: FastifyReply, snapshot: Snapshot, principal: Principal): void {
    const priority = effectivePriority(principal.priority, header(request, 'x-priority'));
    const refusal = this.load.refusal(priority);
    if (refusal) throw refusal;
    checkFraming(request, snapshot);
    const now = this.clock.now();
    const id = ulid(this.clock.wall());
    const ctx = new RequestContext(
      id,
      request.id,
      now,
      now + requestTimeoutMs(TOTAL_MS, header(request, 'x-request-timeout-ms'), header(request, 'x-stainless-timeout')),
      snapshot,
      principal,
      traceparentOf(request.raw),
    );
    ctx.priority = priority;
    if (principal.degradable) ctx.degradedMaxTokens = this.load.degradedMaxTokens;
    if (this.chaos.readsTokens) ctx.chaosToken = header(request, 'x-chaos');
    attachContext(request, ctx);
    if (principal.role === 'admin' && header(request, 'x-gateway-trace') === '1') this.trace.attach(ctx);
    requestOpened.publish(ctx);
    this.inFlight.add(ctx);
    ctx.onClose(() => {
      if (ctx.status === 0) ctx.status = CLIENT_CLOSED_REQUEST;
      ctx.endedAt = this.clock.now();
      ctx.endedWall = this.clock.wall();
      requestEnded.publish(ctx);
    });
    // Emitted once: `once` would cost more.
    reply.raw.on('close', () => ctx.close());
    if (request.raw.headers.expect !== undefined) reply.raw.writeContinue();
  }
}

/** Refuses a body that will not be read anyway, before it is sent. */
function checkFraming({ raw }: FastifyRequest, snapshot: Snapshot): void {
  const encoding = raw.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new GatewayError('unsupported_media_type');
  const limit = Math.min(snapshot.limits.bodyBytes, snapshot.guardrails.input.maxBytes);
  if (Number(raw.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
}

function header({ raw }: FastifyRequest, name: string): string | undefined {
  const value = raw.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
