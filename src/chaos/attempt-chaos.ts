import { type Clock } from '../kernel/clock.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type AttemptFaults, type ProviderKind } from '../providers/catalog.js';
import { type ChaosEngine } from './chaos-engine.js';
import { verifyChaosToken } from './chaos-token.js';
import { FaultTransport } from './fault-transport.js';

/** Spoils the attempts that the engine picks, and says so in their request. */
export class AttemptChaos implements AttemptFaults {
  constructor(
    private readonly engine: ChaosEngine,
    private readonly clock: Clock,
    private readonly secret: () => string,
  ) {}

  over(kind: ProviderKind, ctx: RequestContext, record: AttemptRecord): ProviderKind {
    const { chaosToken: token } = ctx;
    const plan = this.engine.planAttempt({
      provider: record.target.provider.name,
      model: ctx.model?.name ?? '',
      keyId: ctx.principal.keyId,
      tokenExperiment: token === undefined ? undefined : verifyChaosToken(this.secret(), token, this.clock.wall()),
    });
    if (!plan) return kind;
    record.chaos = plan.experiments.join(',');
    for (const experiment of plan.experiments) ctx.touchedBy(experiment);
    return { ...kind, transport: new FaultTransport(plan, kind.transport, this.clock) };
  }
}
