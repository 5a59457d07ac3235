import { createHash } from 'node:crypto';

/** What a script needs of ioredis' `Redis` or `Cluster`. */
export interface ScriptClient {
  evalsha(sha1: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
}

/**
 * One Lua script, named by its digest: old and new versions run side by side while gateways are replaced.
 * It is never loaded by SCRIPT, which proxies and ACLs forbid: EVAL caches it, too.
 */
export class RedisScript {
  readonly #sha1: string;
  #evalOnly = false;

  constructor(private readonly text: string) {
    this.#sha1 = createHash('sha1').update(text).digest('hex');
  }

  /** @throws ReplyError, or ioredis' connection and timeout errors */
  async run(client: ScriptClient, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#evalOnly) return client.eval(this.text, keys.length, ...keys, ...args);
    try {
      return await client.evalsha(this.#sha1, keys.length, ...keys, ...args);
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      // Neither ran anything: running the text instead is no second run.
      if (!message.startsWith('NOSCRIPT') && !forbidden(message)) throw error;
      this.#evalOnly = forbidden(message);
      return client.eval(this.text, keys.length, ...keys, ...args);
    }
  }
}

function forbidden(message: string): boolean {
  return /unknown command.*(evalsha|script)/i.test(message) || /^NOPERM.*evalsha/i.test(message);
}
