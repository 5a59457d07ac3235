import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileAutomaton } from './aho-corasick.js';
import { buildAutomaton } from './automaton-builder.js';
import { classOf, COMPLEX, foldSegment, IGNORABLE, isExtender, isWordCharacter, SIMPLE } from './code-point.js';

describe('buildAutomaton', () => {
  let folder: string;
  const words = Array.from({ length: 10_000 }, (_, n) => `word${n.toString(36)}${(n * 7919).toString(36)}`);

  // The worker runs compiled files: here is what the build would make of them.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'automaton-'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    for (const file of readdirSync(import.meta.dirname).filter((name) => !name.endsWith('.spec.ts'))) {
      const source = readFileSync(join(import.meta.dirname, file), 'utf8');
      const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
      writeFileSync(
        join(folder, file.replace(/ts$/, 'js')),
        ts.transpileModule(source, { compilerOptions }).outputText,
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('builds long lists in a worker, the same as in place', async () => {
    const entry = pathToFileURL(join(folder, 'automaton-worker.js'));
    const automaton = await buildAutomaton(words, entry);
    const expected = compileAutomaton(words);
    expect(Object.keys(automaton)).toEqual(Object.keys(expected));
    expect(Buffer.compare(Buffer.from(automaton.check.buffer), Buffer.from(expected.check.buffer))).toBe(0);
    expect(automaton.match).toEqual(expected.match);
  });

  it('fails where the worker fails', async () => {
    const broken = join(folder, 'broken.js');
    writeFileSync(broken, 'throw new Error("no");');
    await expect(buildAutomaton(words, pathToFileURL(broken))).rejects.toThrow('no');
    writeFileSync(broken, '');
    await expect(buildAutomaton(words, pathToFileURL(broken))).rejects.toThrow('ended with code 0');
  });

  it('keeps 10,000 words well below 64 MiB', () => {
    const arrays = Object.values(compileAutomaton(words)) as Uint8Array[];
    const bytes = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThan(8 * 1024 * 1024);
  });
});

describe('what the normaliser takes for granted about Unicode', () => {
  it('a mark changes neither the base from letter to other, nor does a base begin like a mark', () => {
    const wrong: number[] = [];
    for (let codePoint = 0; codePoint < 0x110000; codePoint++) {
      const kind = classOf(codePoint);
      if (kind === IGNORABLE) continue;
      const text = String.fromCodePoint(codePoint);
      const folded = foldSegment(text);
      if (/\p{Default_Ignorable_Code_Point}/u.test(folded)) wrong.push(codePoint);
      if (kind !== SIMPLE && kind !== COMPLEX) continue;
      const first = folded.codePointAt(0) ?? 0;
      const base = foldSegment(String.fromCodePoint(text.normalize('NFD').codePointAt(0) ?? 0)).codePointAt(0) ?? 0;
      if (isExtender(first) || isWordCharacter(first) !== isWordCharacter(base)) wrong.push(codePoint);
    }
    expect(wrong).toEqual([]);
  });
});
