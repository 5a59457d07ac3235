import { JsonDocument } from '../../src/kernel/json-document.js';
import { ChatRequest, chatRequestSchema } from '../../src/kernel/openai.js';

/** A request as the pipeline hands it to an adapter. */
export function chatRequest(body: object): ChatRequest {
  const bytes = Buffer.from(JSON.stringify(body));
  return new ChatRequest(chatRequestSchema.parse(JSON.parse(bytes.toString())), JsonDocument.scan(bytes, 64));
}
