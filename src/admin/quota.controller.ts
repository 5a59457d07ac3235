import { Controller, Get, Header, Query, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminGuard } from './admin.guard.js';
import { UsageQueryDto } from './admin.dto.js';
import { adminValidation } from './admin-validation.js';
import { QuotaAudit } from './quota-audit.js';
import { QuotaUsageList } from './quota-usage-list.js';

/** What keys, teams and orgs have used, and whether the accounts are right. */
@ApiTags('quota')
@ApiBearerAuth()
@Controller('admin')
@UseGuards(AdminGuard)
@UsePipes(adminValidation)
export class QuotaController {
  constructor(
    private readonly usages: QuotaUsageList,
    private readonly audits: QuotaAudit,
  ) {}

  @Get('usage')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Limits, spent, reserved and resets of every configured key, team or org' })
  async usage(@Query() { by }: UsageQueryDto): Promise<unknown> {
    return { by, entries: await this.usages.by(by) };
  }

  @Get('audit')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Recomputes every budget from its charges and live reservations, and names what differs' })
  audit(): Promise<unknown> {
    return this.audits.run();
  }
}
