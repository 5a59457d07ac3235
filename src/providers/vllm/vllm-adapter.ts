import { OpenAiAdapter } from '../openai/openai-adapter.js';

/** vLLM speaks OpenAI's format; its free health probe is `GET /health` at the server's root. */
export class VllmAdapter extends OpenAiAdapter {
  constructor() {
    super('vllm', '//health');
  }
}
