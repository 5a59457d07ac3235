import { type AttemptRecord, RequestContext } from '../../src/kernel/request-context.js';
import { type Model, type Principal, type Snapshot, type Target } from '../../src/kernel/snapshot.js';
import { AnswerFacts } from '../../src/kernel/upstream.js';
import { chatRequest } from './chat-request.js';
import { aPrincipal } from './principal.js';

/** What a test says of a request; all else is one short question of a caller without limits. */
export interface RequestTraits {
  readonly id?: string;
  readonly principal?: Principal;
  readonly body?: object;
  readonly targets?: readonly Target[];
  readonly quota?: Partial<Snapshot['quota']['reservation']>;
}

/** A request whose body was read and whose model was found. */
export function aRequestContext({
  id = 'r-1',
  principal = aPrincipal(),
  ...traits
}: RequestTraits = {}): RequestContext {
  const reservation = { mode: 'whole', strict: false, defaultMaxTokens: 4096, ...traits.quota };
  const snapshot = { quota: { reservation, leaseMs: 30_000, onLeaseExpiry: 'release' } } as unknown as Snapshot;
  const ctx = new RequestContext(id, id, 0, 600_000, snapshot, principal, undefined);
  ctx.request = chatRequest({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...traits.body });
  ctx.model = { name: 'm', targets: traits.targets ?? [], maxOutputTokens: undefined } as unknown as Model;
  return ctx;
}

/** Says that a target gave the answer, of which these facts are known. */
export function answeredBy(ctx: RequestContext, target: Target, known: Partial<AnswerFacts>): AttemptRecord {
  ctx.answeredBy = {
    target,
    startedAt: 0,
    kind: 'first',
    firstContentAt: 1,
    endedAt: undefined,
    outcome: undefined,
    reason: undefined,
    status: undefined,
    chaos: undefined,
    facts: Object.assign(new AnswerFacts(), known),
  };
  return ctx.answeredBy;
}
