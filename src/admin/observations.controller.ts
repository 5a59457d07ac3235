import { Body, Controller, Get, Header, HttpCode, Param, Post, Query, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Explainer } from '../explain/explainer.js';
import { type Explanation } from '../explain/explanation.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type FlightRecord } from '../observability/flight-record.js';
import { FlightRecorder } from '../observability/flight-recorder.js';
import { type SloStatus, SloTracker } from '../observability/slo-tracker.js';
import { AdminGuard } from './admin.guard.js';
import { ExplainDto, RecentRequestsDto } from './admin.dto.js';
import { adminValidation } from './admin-validation.js';

/** What happened, how well it went, and what would happen. */
@ApiTags('observations')
@ApiBearerAuth()
@Controller('admin')
@UseGuards(AdminGuard)
@UsePipes(adminValidation)
export class ObservationsController {
  constructor(
    private readonly slo: SloTracker,
    private readonly flights: FlightRecorder,
    private readonly explainer: Explainer,
  ) {}

  @Get('slo')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Objectives with good and bad events, burn rates and the error budget left' })
  objectives(): { readonly objectives: readonly SloStatus[] } {
    return { objectives: this.slo.status() };
  }

  @Get('requests')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The last requests, newest first; at most 1,000 are remembered' })
  recent(@Query() filter: RecentRequestsDto): { readonly requests: readonly FlightRecord[] } {
    return { requests: this.flights.recent(filter) };
  }

  @Get('requests/:id')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'One request by its X-Request-ID or its gateway id: stages, attempts, times, cost; no text',
  })
  request(@Param('id') id: string): FlightRecord {
    const record = this.flights.find(id);
    if (record) return record;
    throw new GatewayError('invalid_value', { message: 'No such request is remembered.', param: 'id' });
  }

  @Post('explain')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'What would happen to a request now, and why; nothing is reserved, probed or counted' })
  explain(@Body() { request, keyId, headers = {} }: ExplainDto): Promise<Explanation> {
    return this.explainer.explain({ request, keyId, headers: readHeaders(headers) });
  }
}

function readHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => {
    if (typeof value === 'string') return [name.toLowerCase(), value];
    throw new GatewayError('invalid_value', { message: 'A header must be a string.', param: 'headers' });
  });
  return Object.fromEntries(named) as Record<string, string>;
}
