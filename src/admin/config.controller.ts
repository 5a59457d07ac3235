import { Body, Controller, Get, Header, HttpCode, Post, Req, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyRequest } from 'fastify';
import { ConfigControl } from '../config/config-control.js';
import { configDiff } from '../config/config-diff.js';
import { type ConfigReload, ConfigStore, problemsOf } from '../config/config-store.js';
import { redacted } from '../config/redacted.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { AdminGuard, adminOf } from './admin.guard.js';
import { CandidateDto, RollbackDto } from './admin.dto.js';
import { adminValidation } from './admin-validation.js';
import { AuditLog } from './audit-log.js';

/** The configuration in force, and the ways to change it. */
@ApiTags('config')
@ApiBearerAuth()
@Controller('admin/config')
@UseGuards(AdminGuard)
@UsePipes(adminValidation)
export class ConfigController {
  constructor(
    private readonly config: ConfigStore,
    private readonly control: ConfigControl,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The configuration in force, without secrets' })
  read(): unknown {
    return redacted(this.config.current);
  }

  @Get('history')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The last 20 versions and refusals, newest first' })
  history(): unknown {
    return { current: this.config.current.version, versions: this.control.history };
  }

  @Post('validate')
  @HttpCode(200)
  @ApiConsumes('application/json', 'application/yaml')
  @ApiOperation({ summary: 'What a candidate would change, in words, or why it would be refused; changes nothing' })
  async validate(@Body() { config }: CandidateDto): Promise<unknown> {
    try {
      const { snapshot, warnings } = await this.config.candidate(config);
      const changes = configDiff(this.config.current, snapshot);
      return { valid: true, version: snapshot.version, changes, warnings, problems: [] };
    } catch (error) {
      return { valid: false, changes: [], warnings: [], problems: problemsOf(error) };
    }
  }

  @Post('reload')
  @HttpCode(200)
  @ApiOperation({ summary: 'Reads the file again; a bad one is refused and the last good version stays' })
  async reload(@Req() request: FastifyRequest): Promise<ConfigReload> {
    const outcome = await this.control.reload(adminOf(request));
    this.audit.record(adminOf(request), 'reload', { result: outcome.result, version: outcome.version });
    return outcome;
  }

  @Post('rollback')
  @HttpCode(200)
  @ApiOperation({ summary: 'Puts a version of the history back in force; the file stays as it is' })
  async rollback(@Body() { version }: RollbackDto, @Req() request: FastifyRequest): Promise<ConfigReload> {
    const outcome = await this.control.rollback(adminOf(request), version);
    if (!outcome) throw new GatewayError('invalid_value', { message: 'No such version.', param: 'version' });
    this.audit.record(adminOf(request), 'rollback', { result: outcome.result, version: outcome.version });
    return outcome;
  }
}
