import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiServiceUnavailableResponse } from '@nestjs/swagger';
import { HealthCheck } from '@nestjs/terminus';

const facts = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    required: ['status'],
    properties: { status: { type: 'string', enum: ['up', 'degraded', 'down'] } },
    additionalProperties: true,
  },
};

const report = (statuses: string[]) => ({
  type: 'object',
  required: ['status'],
  properties: {
    status: { type: 'string', enum: statuses, example: statuses[0] },
    info: { ...facts, nullable: true },
    error: { ...facts, nullable: true },
    details: facts,
  },
});

/** A check that is not cached, documented here: Terminus would load all of Swagger a second time to do so. */
export const DocumentedHealthCheck = () =>
  applyDecorators(
    HealthCheck({ noCache: true, swaggerDocumentation: false }),
    ApiOkResponse({ description: 'The Health Check is successful', schema: report(['ok', 'degraded']) }),
    ApiServiceUnavailableResponse({
      description: 'The Health Check is not successful',
      schema: report(['error', 'shutting_down']),
    }),
  );
