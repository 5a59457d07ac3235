import { Module } from '@nestjs/common';
import { ClockModule } from '../http/clock.module.js';
import { Router } from './router.js';

@Module({ imports: [ClockModule], providers: [Router], exports: [Router] })
export class RoutingModule {}
