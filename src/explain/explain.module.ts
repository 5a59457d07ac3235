import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { GuardrailsModule } from '../guardrails/guardrails.module.js';
import { ClockModule } from '../http/clock.module.js';
import { PlanningModule } from '../planning/planning.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { Explainer } from './explainer.js';
import { TraceHeader } from './trace-header.js';

@Module({
  imports: [ClockModule, GatewayConfigModule, GuardrailsModule, PlanningModule, QuotaModule, ResilienceModule],
  providers: [Explainer, TraceHeader],
  exports: [Explainer, TraceHeader],
})
export class ExplainModule {}
