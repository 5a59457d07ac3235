import { Controller, Get, Header, Query, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminGuard } from './admin.guard.js';
import { UsageQueryDto } from './admin.dto.js';
import { adminValidation } from './admin-validation.js';
import { QuotaUsageList } from './quota-usage-list.js';

/** What keys, teams and orgs have used. */
@ApiTags('quota')
@ApiBearerAuth()
@Controller('admin')
@UseGuards(AdminGuard)
@UsePipes(adminValidation)
export class QuotaController {
  constructor(private readonly usages: QuotaUsageList) {}

  @Get('usage')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Limits, spent, reserved and resets of every configured key, team or org' })
  async usage(@Query() { by }: UsageQueryDto): Promise<unknown> {
    return { by, entries: await this.usages.by(by) };
  }
}
