import { applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { chatRequestJsonSchema } from '../kernel/openai.js';
import { ErrorResponses } from './error-responses.docs.js';

const EXAMPLES = {
  plain: {
    summary: 'A plain answer',
    value: { model: 'gpt-3.5-turbo', messages: [{ role: 'user', content: 'Hello, world!' }] },
  },
  stream: {
    summary: 'A stream of server-sent events',
    value: { model: 'gpt-3.5-turbo', stream: true, messages: [{ role: 'user', content: 'Hello, world!' }] },
  },
};

/** The route as Swagger UI shows it; the examples run as they stand against the default configuration. */
export function ChatCompletionsDocs(): MethodDecorator {
  return applyDecorators(
    ApiBearerAuth(),
    ApiOperation({
      summary: 'Create a chat completion',
      description: "OpenAI's API: JSON, or a stream where `stream` is true.",
    }),
    ApiHeader({ name: 'X-Request-ID', required: false, description: 'Kept if it is 1 to 128 of A-Z a-z 0-9 . _ -' }),
    ApiHeader({ name: 'X-Provider-Priority', required: false, description: 'Providers to try first, comma separated' }),
    ApiHeader({ name: 'X-No-Failover', required: false, description: '`true`: try the first provider only' }),
    ApiHeader({ name: 'X-Request-Timeout-Ms', required: false, description: 'Deadline of the whole request, ms' }),
    ApiBody({ schema: chatRequestJsonSchema as never, examples: EXAMPLES }),
    ApiResponse({ status: 200, description: 'chat.completion, or a stream of chat.completion.chunk' }),
    ErrorResponses(400, 401, 403, 404, 408, 413, 415, 429, 431, 500, 502, 503, 504),
  );
}
