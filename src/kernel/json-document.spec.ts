import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonDocument } from './json-document.js';

const scan = (text: string, depth = 32) => JsonDocument.scan(Buffer.from(text), depth);
const edit = (text: string, changes: Record<string, string | undefined>) =>
  scan(text)
    .with(new Map(Object.entries(changes)))
    .toString();

describe('JsonDocument', () => {
  it('gives the same bytes back where nothing changes', () => {
    const bytes = Buffer.from('{ "a" : 1 ,\n"b":[ ] }');
    expect(JsonDocument.scan(bytes, 32).with(new Map())).toBe(bytes);
  });

  it('replaces a member and keeps the bytes of the others', () => {
    expect(edit('{"a": 1.0, "model":"x", "z":{"model":"y"}}', { model: '"new"' })).toBe(
      '{"a": 1.0,"model":"new","z":{"model":"y"}}',
    );
  });

  it('adds what is absent and removes what is undefined', () => {
    expect(edit('{"a":1,"b":2}', { a: undefined, c: 'true' })).toBe('{"b":2,"c":true}');
    expect(edit('{"a":1}', { a: undefined })).toBe('{}');
    expect(edit('{}', { c: '3' })).toBe('{"c":3}');
  });

  it('is not misled by quotes, braces and backslashes inside strings', () => {
    expect(edit(String.raw`{"a":"\\\"}{,:","b\u0063":1}`, { bc: '2' })).toBe(String.raw`{"a":"\\\"}{,:","b\u0063":2}`);
  });

  it('refuses a name that appears twice, however it is written', () => {
    expect(() => scan('{"model":"a","mod\\u0065l":"b"}')).toThrow(/appears twice/);
  });

  it('refuses what is nested deeper than allowed, and what is not an object', () => {
    expect(() => scan(`{"a":${'['.repeat(32)}`)).toThrow(/deeper than 32/);
    expect(() => scan(`{"a":${'['.repeat(31)}${']'.repeat(31)}}`)).not.toThrow();
    for (const text of ['', '"x', '12', '{"a":1', 'null']) expect(() => scan(text)).toThrow();
  });

  it('edits any object as parsing, assigning and serialising would', () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
    fc.assert(
      fc.property(json, fc.string(), fc.option(fc.jsonValue(), { nil: undefined }), (object, name, value) => {
        const text = JSON.stringify(object);
        const expected = Object.entries(JSON.parse(text) as object).filter(([key]) => key !== name);
        if (value !== undefined) expected.push([name, JSON.parse(JSON.stringify(value))]);
        const edited = JSON.parse(
          edit(text, { [name]: value === undefined ? undefined : JSON.stringify(value) }),
        ) as object;
        expect(new Map(Object.entries(edited))).toEqual(new Map(expected));
      }),
    );
  });
});
