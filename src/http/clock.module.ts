import { Module } from '@nestjs/common';
import { systemClock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';

@Module({ providers: [{ provide: CLOCK, useValue: systemClock }], exports: [CLOCK] })
export class ClockModule {}
