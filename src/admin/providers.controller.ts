import { Body, Controller, HttpCode, Param, Post, Req, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyRequest } from 'fastify';
import { ConfigStore } from '../config/config-store.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Provider } from '../kernel/snapshot.js';
import { Overrides } from '../resilience/overrides.js';
import { AdminGuard, adminOf } from './admin.guard.js';
import { WeightDto } from './admin.dto.js';
import { adminValidation } from './admin-validation.js';
import { AuditLog } from './audit-log.js';

/** Where requests go, over what the file says: in this process, until it ends. */
@ApiTags('providers')
@ApiBearerAuth()
@Controller('admin/providers/:name')
@UseGuards(AdminGuard)
@UsePipes(adminValidation)
export class ProvidersController {
  constructor(
    private readonly config: ConfigStore,
    private readonly overrides: Overrides,
    private readonly audit: AuditLog,
  ) {}

  @Post('drain')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sends no new request there; those in flight finish' })
  drain(@Param('name') name: string, @Req() request: FastifyRequest): unknown {
    const provider = this.#provider(name);
    this.overrides.drain(provider.name);
    this.audit.record(adminOf(request), 'drain', { provider: provider.name });
    return this.#answer();
  }

  @Post('undrain')
  @HttpCode(200)
  @ApiOperation({ summary: 'Takes a drain back' })
  undrain(@Param('name') name: string, @Req() request: FastifyRequest): unknown {
    const provider = this.#provider(name);
    this.overrides.undrain(provider.name);
    this.audit.record(adminOf(request), 'undrain', { provider: provider.name });
    return this.#answer();
  }

  @Post('weight')
  @HttpCode(200)
  @ApiOperation({ summary: "Another weight in place of the file's, until it expires" })
  weight(@Param('name') name: string, @Body() { weight, ttlMs }: WeightDto, @Req() request: FastifyRequest): unknown {
    const provider = this.#provider(name);
    if (provider.weight === 0) {
      throw new GatewayError('invalid_value', {
        message: 'The file keeps this provider for failover: give it a weight there.',
        param: 'weight',
      });
    }
    this.overrides.setWeight(provider.name, weight, ttlMs);
    this.audit.record(adminOf(request), 'weight', { provider: provider.name, from: provider.weight, weight, ttlMs });
    return this.#answer();
  }

  #provider(name: string): Provider {
    const provider = this.config.current.providers.get(name);
    if (!provider) throw new GatewayError('invalid_value', { message: 'There is no such provider.', param: 'name' });
    return provider;
  }

  #answer(): unknown {
    return { overrides: this.overrides.list() };
  }
}
