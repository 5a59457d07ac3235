import { Body, Controller, HttpCode, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { GatewayError } from '../kernel/gateway-error.js';
import { AdminGuard } from './admin.guard.js';
import { PUBLIC_ADDRESS, type PublicAddress, relayChat } from './playground-relay.js';

const MAX_AT_ONCE = 5;

/** A chat request through the whole gateway, for operators whose browser reaches the operations listener alone. */
@ApiTags('playground')
@ApiBearerAuth()
@Controller('admin/playground')
@UseGuards(AdminGuard)
export class PlaygroundController {
  #running = 0;

  constructor(@Inject(PUBLIC_ADDRESS) private readonly address: PublicAddress) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Relays a chat completion to the public listener under the same key: limits, budgets and ledger apply',
  })
  async complete(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (this.#running >= MAX_AT_ONCE) throw new GatewayError('overloaded');
    this.#running++;
    try {
      await relayChat(this.address(), Buffer.from(JSON.stringify(body ?? null)), request.headers, reply);
    } finally {
      this.#running--;
    }
  }
}
