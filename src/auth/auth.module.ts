import { Module } from '@nestjs/common';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';

@Module({ providers: [Authenticator, AuthGuard], exports: [Authenticator, AuthGuard] })
export class AuthModule {}
