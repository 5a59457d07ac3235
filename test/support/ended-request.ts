import { RequestContext } from '../../src/kernel/request-context.js';
import { type Snapshot } from '../../src/kernel/snapshot.js';
import { aPrincipal, type PrincipalTraits } from './principal.js';

type Outcome = Partial<Pick<RequestContext, 'code' | 'end' | 'firstContentAt' | 'request' | 'status'>>;

/** A request that arrived at 0 and ended like this. */
export function anEndedRequest(outcome: Outcome, traits: PrincipalTraits = {}, id = 'request-1'): RequestContext {
  const snapshot = {
    slo: { availability: 0.999, firstTokenMs: 2000, firstTokenRatio: 0.95 },
    resilience: { midStream: 'error' },
  } as Snapshot;
  const ctx = new RequestContext(`ulid-${id}`, id, 0, 60_000, snapshot, aPrincipal(traits), undefined);
  return Object.assign(ctx, outcome);
}
