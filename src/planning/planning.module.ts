import { Module } from '@nestjs/common';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { RoutePlanner } from './route-planner.js';

@Module({ imports: [ResilienceModule], providers: [RoutePlanner], exports: [RoutePlanner] })
export class PlanningModule {}
