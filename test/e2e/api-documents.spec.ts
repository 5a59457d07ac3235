import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

interface Operation {
  readonly tags?: readonly string[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly examples?: Record<string, { value: unknown }> }>;
  };
}
interface ApiDocument {
  readonly paths: Record<string, Record<string, Operation>>;
}

const CHAT = '/v1/chat/completions';

describe('the documents behind Swagger UI', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => (gateway = await GatewayProcess.start()));
  afterAll(() => gateway.stop());

  const documentAt = async (url: string): Promise<ApiDocument> =>
    (await (await fetch(`${url}/docs-json`)).json()) as ApiDocument;

  it.each(['publicUrl', 'opsUrl'] as const)('show each operation of %s under one heading', async (listener) => {
    const { paths } = await documentAt(gateway[listener]);
    const headings = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { tags }]) => ({ operation: `${method} ${path}`, count: tags?.length })),
    );
    expect(headings.length).toBeGreaterThan(4);
    expect(headings.filter(({ count }) => count !== 1)).toEqual([]);
  });

  it('give examples that run as they stand', async () => {
    const { paths } = await documentAt(gateway.publicUrl);
    const examples = Object.values(paths[CHAT]?.post?.requestBody?.content['application/json']?.examples ?? {});
    expect(examples.length).toBeGreaterThan(1);
    for (const { value } of examples) {
      const response = await fetch(gateway.publicUrl + CHAT, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(value),
      });
      expect(response.status).toBe(200);
      expect(await response.text()).toMatch(/"object":"chat\.completion|data: \[DONE\]/);
    }
  });
});
