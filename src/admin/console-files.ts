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

export type ConsoleFileName = keyof typeof TYPES;

/** One file of the console, as it is sent. */
export interface ConsoleFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

/** The console's three files. Each is read once, when first asked for. */
export class ConsoleFiles {
  readonly #read = new Map<ConsoleFileName, ConsoleFile>();

  /** Undefined where the console was not built. */
  find(name: ConsoleFileName): ConsoleFile | undefined {
    const known = this.#read.get(name);
    if (known) return known;
    const file = load(name);
    if (file) this.#read.set(name, file);
    return file;
  }
}

function load(name: ConsoleFileName): ConsoleFile | undefined {
  let plain: Buffer;
  try {
    plain = readFileSync(new URL(name, FOLDER));
  } catch {
    return undefined;
  }
  const etag = `"${createHash('sha256').update(plain).digest('hex').slice(0, 16)}"`;
  return { type: TYPES[name], etag, plain, gzipped: gzipSync(plain, { level: 9 }) };
}
