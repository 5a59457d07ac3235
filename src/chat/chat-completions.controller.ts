import { Controller, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { AuthGuard } from '../auth/auth.guard.js';
import { PromptGuard } from '../guardrails/prompt.guard.js';
import { contextOf } from '../http/context-slot.js';
import { validatorSchema } from '../http/validator-schema.js';
import { chatRequestJsonSchema } from '../kernel/openai.js';
import { QuotaGuard } from '../quota/quota.guard.js';
import { ChatCompletionsDocs } from './chat-completions.docs.js';
import { ChatService } from './chat.service.js';
import { ResponseEncoder } from './response-encoder.js';

/** The whole way of a request: opened before its body is read, guarded, answered. */
@ApiTags('chat')
@Controller('v1/chat/completions')
@UseGuards(AuthGuard, PromptGuard, QuotaGuard)
export class ChatCompletionsController {
  constructor(
    private readonly chat: ChatService,
    private readonly encoder: ResponseEncoder,
  ) {}

  @Post()
  @HttpCode(200)
  @RouteSchema({ body: validatorSchema(chatRequestJsonSchema) })
  @ChatCompletionsDocs()
  async create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const ctx = contextOf(request);
    const answer = await this.chat.complete(ctx);
    this.encoder.write(ctx, this.chat.guarded(ctx, answer), reply);
  }
}
