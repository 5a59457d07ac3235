import { Controller, Get, Param, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyRequest } from 'fastify';
import { Authenticator } from '../auth/authenticator.js';
import { findModel, visibleModels } from '../auth/model-access.js';
import { ConfigStore } from '../config/config-store.js';
import { type Model } from '../kernel/snapshot.js';
import { ErrorResponses } from './error-responses.docs.js';

interface ModelObject {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

/** The models that the caller may ask for, as OpenAI lists them. */
@ApiTags('models')
@ApiBearerAuth()
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly config: ConfigStore,
    private readonly authenticator: Authenticator,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the models that this key may use' })
  @ApiOkResponse({ description: 'A list of models' })
  @ErrorResponses(400, 401, 429, 431)
  list(@Req() { raw }: FastifyRequest): { object: 'list'; data: ModelObject[] } {
    const snapshot = this.config.current;
    const principal = this.authenticator.authenticate(raw, snapshot);
    const created = Math.floor(snapshot.loadedAt / 1000);
    return { object: 'list', data: visibleModels(snapshot, principal).map((model) => modelObject(model, created)) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One model' })
  @ApiOkResponse({ description: 'A model' })
  @ErrorResponses(400, 401, 404, 429, 431)
  one(@Param('id') id: string, @Req() { raw }: FastifyRequest): ModelObject {
    const snapshot = this.config.current;
    const principal = this.authenticator.authenticate(raw, snapshot);
    return modelObject(findModel(snapshot, principal, id), Math.floor(snapshot.loadedAt / 1000));
  }
}

function modelObject(model: Model, created: number): ModelObject {
  return { id: model.name, object: 'model', created, owned_by: 'sre-inference-gateway' };
}
