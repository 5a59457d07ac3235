import { Controller, Get, Inject, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyRequest } from 'fastify';
import { Authenticator } from '../auth/authenticator.js';
import { ConfigStore } from '../config/config-store.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type KeyLimits } from '../kernel/snapshot.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';
import { type QuotaStore } from '../quota/quota-store.js';
import { type BudgetObject, budgetObject, type LevelObject, levelObject } from '../quota/usage-object.js';
import { ErrorResponses } from './error-responses.docs.js';

interface UsageObject {
  readonly object: 'usage';
  readonly key: string;
  readonly limits: KeyLimits;
  readonly concurrentRequests: number;
  readonly requests: LevelObject | null;
  readonly tokens: LevelObject | null;
  readonly budgets: readonly BudgetObject[];
}

/** What a key has used of what it may use. */
@ApiTags('usage')
@ApiBearerAuth()
@Controller('v1/usage')
export class UsageController {
  constructor(
    private readonly config: ConfigStore,
    private readonly authenticator: Authenticator,
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
  ) {}

  @Get()
  @ApiOperation({ summary: "This key's limits, what is spent and reserved, and when it resets" })
  @ApiOkResponse({ description: 'Limits and usage' })
  @ErrorResponses(400, 401, 429, 431, 503)
  async usage(@Req() { raw }: FastifyRequest): Promise<UsageObject> {
    const principal = this.authenticator.authenticate(raw, this.config.current);
    try {
      const { levels, concurrent, budgets } = await this.store.usage(principal);
      return {
        object: 'usage',
        key: principal.keyId,
        limits: principal.limits,
        concurrentRequests: concurrent,
        requests: levelObject(levels.requests),
        tokens: levelObject(levels.tokens),
        budgets: budgets.map(budgetObject),
      };
    } catch (cause) {
      throw new GatewayError('quota_backend_unavailable', { cause });
    }
  }
}
