import { Controller, Get, Header, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminGuard } from './admin.guard.js';
import { type TrafficSecond, TrafficWindow } from './traffic-window.js';

/** What charts begin with; the status stream goes on from there. */
@ApiTags('status')
@ApiBearerAuth()
@Controller('admin/traffic')
@UseGuards(AdminGuard)
export class TrafficController {
  constructor(private readonly traffic: TrafficWindow) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The last 10 minutes by second: requests, failures, TTFT, latency that the gateway added' })
  read(): { readonly seconds: readonly TrafficSecond[] } {
    return { seconds: this.traffic.seconds() };
  }
}
