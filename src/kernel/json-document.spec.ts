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

  it('tells of names by which prototypes are reached, however deep and however written', () => {
    for (const name of ['__proto__', 'constructor', String.raw`\u005f_proto_\u005F`, String.raw`c\u006Fnstructor`]) {
      expect(scan(`{"a":[{"b":1,"${name}" :{}}]}`).namesPrototype, name).toBe(true);
      expect(scan(`{"${name}":1}`).namesPrototype, name).toBe(true);
    }
    const everyCharacter = 'constructor'.replace(/./g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
    expect(scan(`{"${everyCharacter}":1}`).namesPrototype).toBe(true);
    expect(scan('{"a":"__proto__","b":"constructor:","c":["\\"__proto__\\":1"],"constructors":1}').namesPrototype).toBe(
      false,
    );
  });

  it('tells of such names wherever JSON.parse finds them', () => {
    const name = fc.constantFrom('__proto__', 'constructor', '__proto_', 'constructo', 'a"b', 'é');
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc
          .array(fc.tuple(name, tie('tree')), { maxLength: 3 })
          .map((entries) => Object.fromEntries(entries) as unknown),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        let found = false;
        const text = JSON.stringify({ value });
        JSON.parse(text, (key, member: unknown) => {
          found ||= key === '__proto__' || key === 'constructor';
          return member;
        });
        expect(scan(text).namesPrototype).toBe(found);
      }),
    );
  });

  it('has an outline that holds the beginning of long strings, and everything else', () => {
    const long = `${'é'.repeat(600)}${'x'.repeat(5_000)}`;
    const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: long }], n: 2, [long]: 'short' });
    const document = scan(text);
    expect(document.hasLongTexts).toBe(true);
    const outline = JSON.parse(document.outline()) as Record<string, unknown>;
    expect(outline).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: long.slice(0, 512) }],
      n: 2,
      [long]: 'short',
    });
    expect(JSON.parse(document.text())).toEqual(JSON.parse(text));
    expect(document.member('messages')).toEqual([{ role: 'user', content: long }]);
    expect(document.member('absent')).toBeUndefined();
  });

  it('tells how much text an outline leaves out, but for data', () => {
    const text = 'x'.repeat(10_000);
    const parts = [text, `data:image/png;base64,${text}`, 'short'];
    expect(JsonDocument.scan(Buffer.from(JSON.stringify({ parts })), 4).omittedTextBytes).toBe(10_000 - 1_024);
  });

  it.each(['data: ', 'data:text/plain,', 'data:image/png;base64,'])(
    'takes no text for data that begins with %s',
    (start) => {
      const text = start + 'some words '.repeat(1_000);
      const document = JsonDocument.scan(Buffer.from(JSON.stringify({ text })), 4);
      expect(document.omittedTextBytes).toBe(text.length - 1_024);
    },
  );

  it('has an outline that parses where the whole does, and fails where the whole does', () => {
    const junk = fc.constantFrom(
      '\\n',
      '\\"',
      '"',
      '\\\\',
      '\\u0',
      '\\u0041',
      '\\',
      '漢',
      '{',
      '}',
      ':',
      ',',
      '\t',
      '\\x',
    );
    const part = fc.oneof(junk, fc.constant('x'.repeat(5_000)), fc.string());
    const parse = (make: () => string): unknown => {
      try {
        return Object.keys(JSON.parse(make()) as object);
      } catch {
        return 'refused';
      }
    };
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(part, { maxLength: 6 }), (value, after) => {
        const text = `{"a":"${value.join('')}","b":["${after.join('')}"]}`;
        expect(parse(() => scan(text, 100).outline())).toEqual(parse(() => scan(text, 100).text()));
      }),
      { numRuns: 2_000 },
    );
  });

  it('knows its sizes when its bytes are gone', () => {
    const image = `data:image/png;base64,${'A'.repeat(40_000)}`;
    const document = scan(JSON.stringify({ image, text: 'b'.repeat(40_000) }));
    const known = { size: document.size, omitted: scan(document.text()).omittedTextBytes };
    document.letGo();
    expect(document.bytes).toHaveLength(0);
    expect({ size: document.size, omitted: document.omittedTextBytes }).toEqual(known);
    expect(known.omitted).toBe(40_000 - 1024);
  });
});
