import { applyDecorators } from '@nestjs/common';
import { ApiResponse, type ApiResponseSchemaHost } from '@nestjs/swagger';

const text = { type: 'string' } as const;
const nullableText = { type: 'string', nullable: true } as const;
const ERROR_SCHEMA: ApiResponseSchemaHost['schema'] = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: { message: text, type: text, param: nullableText, code: nullableText },
    },
  },
};

/** The statuses with which a route refuses, for the API's document. */
export function ErrorResponses(...statuses: readonly number[]): MethodDecorator {
  return applyDecorators(
    ...statuses.map((status) =>
      ApiResponse({ status, description: "An error in OpenAI's shape", schema: ERROR_SCHEMA }),
    ),
  );
}
