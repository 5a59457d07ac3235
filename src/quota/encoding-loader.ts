import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { loadEncoding } from './tokenizer.js';

/** Has the encodings that a configuration names loaded before it comes into force. */
@Injectable()
export class EncodingLoader implements OnModuleInit {
  constructor(private readonly config: ConfigStore) {}

  async onModuleInit(): Promise<void> {
    await this.config.prepare(async ({ providers }) => {
      for (const { tokenizer } of providers.values()) if (tokenizer) await loadEncoding(tokenizer);
    });
  }
}
