/**
 * OpenAI's word for why the model stopped. Nothing that a caller can ask for here ends in `pause_turn`;
 * it and reasons that are yet unknown count as a plain stop.
 */
export function finishReasonOf(stopReason: string, legacy: boolean): string {
  switch (stopReason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return legacy ? 'function_call' : 'tool_calls';
    case 'refusal':
      return 'content_filter';
    default:
      return 'stop';
  }
}
