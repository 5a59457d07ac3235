import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { ChaosModule } from '../chaos/chaos.module.js';
import { GatewayConfigModule } from '../config/config.module.js';
import { ExplainModule } from '../explain/explain.module.js';
import { GuardrailsModule } from '../guardrails/guardrails.module.js';
import { ClockModule } from '../http/clock.module.js';
import { ObservabilityModule } from '../observability/observability.module.js';
import { PlanningModule } from '../planning/planning.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { RoutingModule } from '../routing/routing.module.js';
import { ChatCompletionsController } from './chat-completions.controller.js';
import { ChaosMetrics } from './chaos-metrics.js';
import { ChatService } from './chat.service.js';
import { LoadMetrics } from './load-metrics.js';
import { ModelsController } from './models.controller.js';
import { QuotaGauges } from './quota-gauges.js';
import { RequestOpening } from './request-opening.js';
import { ResponseEncoder } from './response-encoder.js';
import { TargetMetrics } from './target-metrics.js';
import { UsageController } from './usage.controller.js';

@Module({
  imports: [
    ClockModule,
    GatewayConfigModule,
    AuthModule,
    ChaosModule,
    ExplainModule,
    GuardrailsModule,
    PlanningModule,
    QuotaModule,
    RoutingModule,
    ResilienceModule,
    ObservabilityModule,
  ],
  controllers: [ChatCompletionsController, ModelsController, UsageController],
  providers: [ChaosMetrics, ChatService, LoadMetrics, QuotaGauges, RequestOpening, ResponseEncoder, TargetMetrics],
  exports: [RequestOpening],
})
export class ChatModule {}
