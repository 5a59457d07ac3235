import { GatewayError } from './gateway-error.js';
import { giveBack } from './returned-memory.js';
import { cutOf, isTextOfString, type TextRange } from './long-text.js';
import { textOfBytes } from './text-of-bytes.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = Buffer.from('{');
const SEPARATOR = Buffer.from(',');
const CLOSE = Buffer.from('}');
const EMPTY = Buffer.from('{}');
/** A string from this size on is left out of an outline, but for its beginning, bytes. */
const LONG_TEXT_BYTES = 4096;
/** More than any check of a string's content looks at. */
const KEPT_BYTES = 1024;

interface Member {
  readonly name: string;
  readonly keyStart: number;
  readonly valueStart: number;
  /** Exclusive; includes trailing white space. */
  readonly valueEnd: number;
}

/**
 * The bytes of a JSON object and where its members lie, so that a member can be changed
 * and all other bytes forwarded as they came.
 */
export class JsonDocument {
  /** Length of the whole, bytes. */
  readonly size: number;
  #omittedTextBytes: number | undefined;

  private constructor(
    readonly bytes: Buffer,
    private readonly members: readonly Member[],
    /** Whether some object, at any depth, has a member by which prototypes are reached: `__proto__`, `constructor`. */
    readonly namesPrototype: boolean,
    private readonly longTexts: readonly TextRange[],
  ) {
    this.size = bytes.length;
  }

  /** Whether the outline is shorter than the whole. */
  get hasLongTexts(): boolean {
    return this.longTexts.length > 0;
  }

  /** No string of the document has more bytes than this; an escape counts as it is written. */
  get longestTextBytes(): number {
    return this.longTexts.reduce((longest, { start, end }) => Math.max(longest, end - start), LONG_TEXT_BYTES);
  }

  /** Bytes of text that an outline leaves out, but for those of files and images that stand in the request. */
  get omittedTextBytes(): number {
    return (this.#omittedTextBytes ??= this.longTexts.reduce(
      (bytes, { start, end }) => (isInlineData(this.bytes, start, end) ? bytes : bytes + end - start - KEPT_BYTES),
      0,
    ));
  }

  /** Gives the memory of its bytes back, when nobody but the kernel reads them any more: all that remains are its sizes. */
  letGo(): void {
    this.#omittedTextBytes = this.omittedTextBytes;
    giveBack(this.bytes);
  }

  /**
   * Scans bytes for depth and for the members of the outermost object; not a validator: JSON.parse follows.
   * @throws GatewayError invalid_json (not an object, deeper than maxDepth), invalid_value (a name twice)
   */
  static scan(bytes: Buffer, maxDepth: number): JsonDocument {
    const members: Member[] = [];
    const longTexts: TextRange[] = [];
    let depth = 0;
    let keyStart = -1;
    let keyEnd = -1;
    let valueStart = -1;
    let stringStart = 0;
    let stringEnd = 0;
    let namesPrototype = false;
    const endMember = (valueEnd: number): void => {
      if (keyStart >= 0 && valueStart >= 0) {
        members.push({ name: nameOf(bytes, keyStart, keyEnd), keyStart, valueStart, valueEnd });
      }
      keyStart = valueStart = -1;
    };
    for (let at = 0; at < bytes.length; at++) {
      switch (bytes[at]) {
        case QUOTE:
          stringStart = at;
          stringEnd = endOfString(bytes, at);
          if (depth === 1 && keyStart < 0) {
            keyStart = at;
            keyEnd = stringEnd;
          }
          if (stringEnd - at > LONG_TEXT_BYTES) longTexts.push({ start: at + 1, end: stringEnd });
          at = stringEnd;
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (++depth > maxDepth)
            throw new GatewayError('invalid_json', { message: `The body is nested deeper than ${maxDepth} levels.` });
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          if (--depth === 0) {
            endMember(at);
            return new JsonDocument(bytes, checkUnique(members), namesPrototype, longTexts);
          }
          break;
        case COLON:
          // Outside of strings a colon follows nothing but a name.
          namesPrototype ||= isPrototypeName(bytes, stringStart, stringEnd);
          if (longTexts.at(-1)?.end === stringEnd) longTexts.pop();
          if (depth === 1 && valueStart < 0) valueStart = at + 1;
          break;
        case COMMA:
          if (depth === 1) endMember(at);
          break;
        default:
      }
    }
    throw new GatewayError('invalid_json');
  }

  /** The whole as text. */
  text(): string {
    return textOfBytes(this.bytes);
  }

  /**
   * The whole as text, with nothing but the beginning of long strings: whether the rest of each is one was checked in its
   * bytes. A parser accepts it where it accepts the whole, and takes a fraction of the time and memory.
   * @throws GatewayError invalid_json
   */
  outline(): string {
    let text = '';
    let from = 0;
    for (const range of this.longTexts) {
      if (!isTextOfString(this.bytes, range)) throw new GatewayError('invalid_json');
      text += textOfBytes(this.bytes.subarray(from, cutOf(this.bytes, range, KEPT_BYTES)));
      from = range.end;
    }
    return text + textOfBytes(this.bytes.subarray(from));
  }

  /** The first outermost member that is one of these, if any is. */
  memberOf(names: ReadonlySet<string>): string | undefined {
    for (const { name } of this.members) if (names.has(name)) return name;
    return undefined;
  }

  /** The value of an outermost member, whole; undefined where it is absent. The document must have been parsed before. */
  member(wanted: string): unknown {
    const found = this.members.find(({ name }) => name === wanted);
    return found && JSON.parse(textOfBytes(this.bytes.subarray(found.valueStart, found.valueEnd)));
  }

  /** As `edited`, in one piece. */
  with(changes: ReadonlyMap<string, string | undefined> | undefined): Buffer {
    const pieces = this.edited(changes);
    return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  }

  /**
   * The bytes with some members set to other JSON texts (added where absent), piece by piece; `undefined` removes a
   * member. Every other member keeps its bytes, copied nowhere, and so does the whole where nothing changes.
   */
  edited(changes: ReadonlyMap<string, string | undefined> | undefined): readonly Buffer[] {
    if (changes === undefined || changes.size === 0) return [this.bytes];
    const pieces: Buffer[] = [];
    const put = (piece: Buffer): void => void pieces.push(pieces.length === 0 ? OPEN : SEPARATOR, piece);
    const added = new Map(changes);
    let keptFrom = -1;
    let keptTo = -1;
    const putKept = (): void => {
      if (keptFrom >= 0) put(this.bytes.subarray(keptFrom, keptTo));
      keptFrom = -1;
    };
    for (const { name, keyStart, valueStart, valueEnd } of this.members) {
      if (!changes.has(name)) {
        if (keptFrom < 0) keptFrom = keyStart;
        keptTo = valueEnd;
        continue;
      }
      putKept();
      added.delete(name);
      const value = changes.get(name);
      if (value === undefined) continue;
      put(this.bytes.subarray(keyStart, valueStart));
      pieces.push(Buffer.from(value));
    }
    putKept();
    for (const [name, value] of added) {
      if (value !== undefined) put(Buffer.from(`${JSON.stringify(name)}:${value}`));
    }
    pieces.push(pieces.length === 0 ? EMPTY : CLOSE);
    return pieces;
  }
}

const DATA_URL = /^data:[^,]{0,128};base64,[\w+/=-]*$/;
const BASE64 = /^[\w+/=-]+$/;
const LOOKED_AT_BYTES = 256;

/** Whether a long string holds a file in base64: looked at in three places, for anybody can begin a text with `data:`. */
function isInlineData(bytes: Buffer, start: number, end: number): boolean {
  const middle = (start + end) >> 1;
  return [start, middle, end - LOOKED_AT_BYTES].every((from) => {
    const text = bytes.toString('latin1', from, from + LOOKED_AT_BYTES);
    return (from === start ? DATA_URL : BASE64).test(text);
  });
}

/** The index of the closing quote of the string that opens at `open`. */
function endOfString(bytes: Buffer, open: number): number {
  let close = open;
  for (;;) {
    close = bytes.indexOf(QUOTE, close + 1);
    if (close < 0) throw new GatewayError('invalid_json');
    let slashes = 0;
    while (bytes[close - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return close;
  }
}

const PROTOTYPE_NAMES = ['__proto__', 'constructor'];
const SHORTEST = 9;
/** The longer name with each of its characters escaped: `\u0063`. */
const LONGEST = 11 * 6;

/** By length first: it is asked for every name. */
function isPrototypeName(bytes: Buffer, open: number, close: number): boolean {
  const length = close - open - 1;
  if (length < SHORTEST || length > LONGEST) return false;
  if (length === 9 || length === 11) return PROTOTYPE_NAMES.includes(nameOf(bytes, open, close));
  const escape = bytes.subarray(open, close).includes(BACKSLASH);
  return escape && PROTOTYPE_NAMES.includes(nameOf(bytes, open, close));
}

function nameOf(bytes: Buffer, open: number, close: number): string {
  const raw = bytes.toString('utf8', open + 1, close);
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    throw new GatewayError('invalid_json');
  }
}

/** Members that are compared with each other: for so few, that takes less than a Set. */
const FEW = 8;

function checkUnique(members: readonly Member[]): readonly Member[] {
  if (members.length <= FEW && members.every(({ name }, at) => isFirst(members, name, at))) return members;
  const seen = new Set<string>();
  for (const { name } of members) {
    if (seen.has(name)) {
      throw new GatewayError('invalid_value', {
        message: `The member '${name.slice(0, 64)}' appears twice.`,
        param: name.slice(0, 64),
      });
    }
    seen.add(name);
  }
  return members;
}

function isFirst(members: readonly Member[], name: string, at: number): boolean {
  for (let before = 0; before < at; before++) if (members[before]?.name === name) return false;
  return true;
}
