import { isAbsolute, join } from 'node:path';
import { Secret } from '../kernel/secret.js';
import { type Findings } from './config-error.js';

/** Where `${env:X}` and `${file:X}` look. */
export interface ReferenceSources {
  readonly lookup: (name: string) => string | undefined;
  /** Folder that relative file names start from: the configuration's own. */
  readonly baseDir: string;
  /** Text of a file; throws where it cannot be read. */
  readonly readFile: (path: string) => string;
}

const REFERENCE = /\$\{(?:(env|file):)?([^{}]*)\}/g;
// Header values and digests take none of these, and a stray line break is the usual accident.
// eslint-disable-next-line no-control-regex
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/** Replaces references in the strings of one load. Problems name the path and the reference, never a value. */
export class References {
  #literalSecrets = 0;

  constructor(
    private readonly sources: ReferenceSources,
    private readonly findings: Findings,
  ) {}

  /** The text with its references replaced; undefined where one could not be (then a problem is noted). */
  text(path: string, raw: string): string | undefined {
    const before = this.findings.problems.length;
    const text = raw.replaceAll(
      REFERENCE,
      (whole, source: string | undefined, name: string) => this.#resolve(path, source, name) ?? whole,
    );
    if (this.findings.problems.length > before) return undefined;
    if (CONTROL_CHARACTER.test(text)) {
      this.findings.problem(path, 'found control characters or line breaks (value not shown), expected one plain line');
      return undefined;
    }
    return text;
  }

  /** As {@link text}, wrapped; a secret that stands in the file itself is counted. */
  secret(path: string, raw: string): Secret | undefined {
    if (raw.search(REFERENCE) === -1) this.#literalSecrets++;
    const text = this.text(path, raw);
    return text === undefined ? undefined : new Secret(text);
  }

  /** One warning for all literal secrets of the file. */
  warnOfLiterals(): void {
    const number = this.#literalSecrets;
    if (number === 0) return;
    const found = number === 1 ? '1 secret stands' : `${number} secrets stand`;
    this.findings.warning('file', `${found} in the file itself; better are \${env:NAME} or \${file:PATH}`);
  }

  #resolve(path: string, source: string | undefined, name: string): string | undefined {
    if (source === undefined || name === '') {
      this.findings.problem(path, 'found an unknown reference, expected ${env:NAME} or ${file:PATH}');
      return undefined;
    }
    return source === 'env' ? this.#fromEnvironment(path, name) : this.#fromFile(path, name);
  }

  #fromEnvironment(path: string, name: string): string | undefined {
    const value = this.sources.lookup(name);
    if (value !== undefined && value !== '') return value;
    this.findings.problem(path, `environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`);
    return undefined;
  }

  #fromFile(path: string, name: string): string | undefined {
    try {
      const file = isAbsolute(name) ? name : join(this.sources.baseDir, name);
      const value = this.sources.readFile(file).replace(/\r?\n$/, '');
      if (value !== '') return value;
      this.findings.problem(path, `file ${name} is empty`);
    } catch {
      this.findings.problem(path, `file ${name} cannot be read`);
    }
    return undefined;
  }
}
