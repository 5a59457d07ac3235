import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { ClockModule } from '../http/clock.module.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';

@Module({
  imports: [ClockModule, GatewayConfigModule],
  providers: [Authenticator, AuthGuard],
  exports: [Authenticator, AuthGuard],
})
export class AuthModule {}
