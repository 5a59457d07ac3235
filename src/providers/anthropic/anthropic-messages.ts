import { type ChatMessage } from '../../kernel/openai.js';
import { type DroppedParams } from './dropped-params.js';

export type Block = Readonly<Record<string, unknown>>;

/** A turn of the conversation, as the Messages API takes it. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: Block[];
}

export interface Conversation {
  readonly system: string | undefined;
  readonly turns: readonly Turn[];
}

interface ToolCall {
  readonly id?: unknown;
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown } | null;
  readonly custom?: { readonly name?: unknown; readonly input?: unknown } | null;
}

const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+);base64,/i;

/**
 * OpenAI's messages as a system prompt and alternating turns. System messages are hoisted from wherever they stand;
 * neighbours of one role become one turn, so that all results of parallel tool calls stand in the turn that follows.
 */
export function toConversation(messages: readonly ChatMessage[], dropped: DroppedParams): Conversation {
  const system: string[] = [];
  const turns: Turn[] = [];
  let functionCalls = 0;
  for (const message of messages) {
    if (message.name != null && message.role !== 'function') dropped.add('messages.name');
    switch (message.role) {
      case 'system':
      case 'developer':
        for (const { text } of contentBlocks(message, dropped)) if (typeof text === 'string') system.push(text);
        break;
      case 'user':
        append(turns, 'user', contentBlocks(message, dropped));
        break;
      case 'assistant':
        if (message.function_call) functionCalls++;
        append(turns, 'assistant', assistantBlocks(message, functionCalls, dropped));
        break;
      case 'tool':
        append(turns, 'user', [toolResult(toolId(message.tool_call_id), message, dropped)]);
        break;
      case 'function':
        append(turns, 'user', [toolResult(functionId(functionCalls), message, dropped)]);
        break;
    }
  }
  return { system: system.length > 0 ? system.join('\n') : undefined, turns };
}

function append(turns: Turn[], role: Turn['role'], blocks: readonly Block[]): void {
  if (blocks.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === role) last.content.push(...blocks);
  else turns.push({ role, content: [...blocks] });
}

function assistantBlocks(message: ChatMessage, functionCalls: number, dropped: DroppedParams): Block[] {
  for (const member of ['audio', 'reasoning_content'] as const) {
    if (message[member] != null) dropped.add(`messages.${member}`);
  }
  const blocks = contentBlocks(message, dropped);
  if (message.refusal) blocks.push({ type: 'text', text: message.refusal });
  for (const call of message.tool_calls ?? []) blocks.push(toolUse(toolId(call.id), call));
  const legacy = message.function_call as ToolCall['function'];
  if (legacy) blocks.push(toolUse(functionId(functionCalls), { function: legacy }));
  return blocks;
}

/** The API refuses empty text, which OpenAI takes: it is left out. */
function contentBlocks({ content }: ChatMessage, dropped: DroppedParams): Block[] {
  if (content == null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  const blocks: Block[] = [];
  for (const part of content) {
    const block = partBlock(part, dropped);
    if (block && block.text !== '') blocks.push(block);
  }
  return blocks;
}

function partBlock(part: Block, dropped: DroppedParams): Block | undefined {
  const type = part.type as string;
  if (type === 'text' && typeof part.text === 'string') return { type, text: part.text };
  if (type === 'refusal' && typeof part.refusal === 'string') return { type: 'text', text: part.refusal };
  const image = type === 'image_url' ? imageBlock(part.image_url, dropped) : undefined;
  if (!image) dropped.add(`messages.${type}`);
  return image;
}

/** An image by reference or by value; neither is fetched or decoded here. */
function imageBlock(image: unknown, dropped: DroppedParams): Block | undefined {
  const { url, detail } = (typeof image === 'object' && image !== null ? image : {}) as Record<string, unknown>;
  if (typeof url !== 'string') return undefined;
  if (detail != null && detail !== 'auto') dropped.add('messages.image_url.detail');
  if (url.startsWith('https:')) return { type: 'image', source: { type: 'url', url } };
  const [prefix, mediaType] = DATA_URL.exec(url) ?? [];
  if (prefix === undefined) return undefined;
  return { type: 'image', source: { type: 'base64', media_type: mediaType, data: url.slice(prefix.length) } };
}

function toolUse(id: string, call: ToolCall): Block {
  const name = call.function?.name ?? call.custom?.name;
  const input = call.custom ? { input: call.custom.input } : toolInput(call.function?.arguments);
  return { type: 'tool_use', id, name, input };
}

/** The API takes objects only; what a model wrote that is none is kept rather than lost. */
function toolInput(text: unknown): unknown {
  if (typeof text !== 'string' || text.trim() === '') return {};
  try {
    const input: unknown = JSON.parse(text);
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Falls through: models do write broken JSON.
  }
  return { arguments: text };
}

function toolResult(id: string, message: ChatMessage, dropped: DroppedParams): Block {
  const content = contentBlocks(message, dropped);
  return { type: 'tool_result', tool_use_id: id, ...(content.length > 0 && { content }) };
}

/** Ids of other engines may hold characters that the API refuses; calls and results are rewritten alike. */
function toolId(id: unknown): string {
  return String(id).replace(/[^A-Za-z0-9_-]/g, '_');
}

/** Function calls of the older API have no ids: a result belongs to the last call. */
function functionId(calls: number): string {
  return `function_${calls}`;
}
