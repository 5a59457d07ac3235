import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContinuedChunks } from './continued-chunks.js';
import { RepeatedTextFilter } from './mid-stream-rescue.js';
import { type StreamChunk } from './stream-chunk.js';

const chunk = (delta: Record<string, unknown>, finish: string | null = null): StreamChunk => ({
  id: 'other',
  choices: [{ index: 0, delta, finish_reason: finish }],
});

function contentOf(sent: StreamChunk | undefined): string {
  const content = sent?.choices?.[0]?.delta?.content;
  return typeof content === 'string' ? content : '';
}

describe('ContinuedChunks', () => {
  it('lets a continuation through under the id of the stream, without a second role', () => {
    const chunks = new ContinuedChunks('one', undefined);
    expect(chunks.push(chunk({ role: 'assistant', content: '' }))).toBeUndefined();
    expect(chunks.push(chunk({ role: 'assistant', content: 'on' }))).toEqual(
      expect.objectContaining({ id: 'one', choices: [expect.objectContaining({ delta: { content: 'on' } })] }),
    );
  });

  it('passes on exactly what is new of an answer that begins with the text that was sent, however it is cut up', () => {
    const pieces = fc.array(fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', 'ä', '😀') }), { minLength: 1 });
    fc.assert(
      fc.property(pieces, fc.nat(), (texts, cut) => {
        const whole = texts.join('');
        const sent = whole.slice(0, cut % (whole.length + 1));
        const chunks = new ContinuedChunks('one', new RepeatedTextFilter(sent));
        const rest = texts.map((content) => contentOf(chunks.push(chunk({ content })))).join('');
        expect(chunks.differs).toBe(false);
        expect(sent + rest).toBe(whole);
      }),
    );
  });

  it('drops thoughts while it repeats', () => {
    const chunks = new ContinuedChunks('one', new RepeatedTextFilter('Hello'));
    expect(chunks.push(chunk({ reasoning_content: 'they greet' }))).toBeUndefined();
    expect(contentOf(chunks.push(chunk({ content: 'Hello!' })))).toBe('!');
    expect(chunks.push(chunk({ reasoning_content: 'more' }))).toBeDefined();
  });

  const others: Record<string, StreamChunk> = {
    'another text': chunk({ content: 'Hex' }),
    'a tool call': chunk({ tool_calls: [{ index: 0 }] }),
    'a refusal': chunk({ refusal: 'No' }),
    'an end before everything was repeated': chunk({ content: 'Hel' }, 'stop'),
  };
  for (const [name, other] of Object.entries(others)) {
    it(`differs at ${name}`, () => {
      const chunks = new ContinuedChunks('one', new RepeatedTextFilter('Hello'));
      expect(chunks.push(other)).toBeUndefined();
      expect(chunks.differs).toBe(true);
    });
  }
});
