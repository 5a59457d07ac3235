import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { ClockModule } from '../http/clock.module.js';
import { OutputGuard } from './output-guard.js';
import { PromptGuard } from './prompt.guard.js';
import { RuleSets } from './rule-sets.js';

@Module({
  imports: [ClockModule, GatewayConfigModule],
  providers: [RuleSets, PromptGuard, OutputGuard],
  exports: [RuleSets, PromptGuard, OutputGuard],
})
export class GuardrailsModule {}
