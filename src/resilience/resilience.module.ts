import { Module } from '@nestjs/common';
import { ClockModule } from '../http/clock.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { AttemptRunner } from './attempt-runner.js';
import { DrainState } from './drain-state.js';
import { InFlightRequests } from './in-flight-requests.js';

const services = [AttemptRunner, DrainState, InFlightRequests];

@Module({ imports: [ClockModule, ProvidersModule], providers: services, exports: services })
export class ResilienceModule {}
