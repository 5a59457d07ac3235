import { Module } from '@nestjs/common';
import { InFlightRequests } from './in-flight-requests.js';

@Module({ providers: [InFlightRequests], exports: [InFlightRequests] })
export class InFlightModule {}
