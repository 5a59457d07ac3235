import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** What the build puts beside the server. */
const FOLDER = new URL('../console/', import.meta.url);
const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'console.css': 'text/css; charset=utf-8',
} as const;

/** One file of the console, as it is sent. */
export interface ConsoleFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

/** The console's three files: a name of no other file finds anything. Each is read once, when first asked for. */
export class ConsoleFiles {
  readonly #read = new Map<string, ConsoleFile>();

  /** Undefined for any other name, and where the console was not built. */
  find(name: string): ConsoleFile | undefined {
    if (!Object.hasOwn(TYPES, name)) return undefined;
    const known = this.#read.get(name);
    if (known) return known;
    const file = load(name as keyof typeof TYPES);
    if (file) this.#read.set(name, file);
    return file;
  }
}

function load(name: keyof typeof TYPES): ConsoleFile | undefined {
  let plain: Buffer;
  try {
    plain = readFileSync(new URL(name, FOLDER));
  } catch {
    return undefined;
  }
  const etag = `"${createHash('sha256').update(plain).digest('hex').slice(0, 16)}"`;
  return { type: TYPES[name], etag, plain, gzipped: gzipSync(plain, { level: 9 }) };
}
