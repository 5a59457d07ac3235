/** Headers of an answer, names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

const SECONDS = /^\d{1,15}(?:\.\d{1,9})?$/;
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;
/** OpenAI's and Go's notation: `1h2m3.5s`, `6m0s`, `20ms`. */
const DURATION = /^(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;
/** A reset given as a number this large is an instant, seconds since the epoch, not a span. */
const EPOCH_SECONDS = 1e9;
const RATE_LIMITS = ['-requests', '-tokens', ''] as const;

/**
 * The pause that an answer asks for, ms, not clamped; 0 = none needed (zero or in the past);
 * `unparsable` = one was named and not understood; undefined = none named.
 * `wall` is the wall clock, ms since the epoch. Never throws.
 */
export function parseRetryAfter(headers: AnswerHeaders, wall: number): number | 'unparsable' | undefined {
  const precise = first(headers, 'retry-after-ms');
  if (precise !== undefined && SECONDS.test(precise)) return Number(precise);
  const retryAfter = first(headers, 'retry-after');
  if (retryAfter !== undefined) return parseDelayOrDate(retryAfter, wall);
  return precise === undefined ? rateLimitReset(headers, wall) : 'unparsable';
}

function parseDelayOrDate(text: string, wall: number): number | 'unparsable' {
  if (SECONDS.test(text)) return Number(text) * 1_000;
  if (!HTTP_DATE.test(text)) return 'unparsable';
  // The asctime form has no zone and means GMT.
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(at) ? 'unparsable' : Math.max(0, at - wall);
}

/** The longest reset of those limits that have nothing remaining. */
function rateLimitReset(headers: AnswerHeaders, wall: number): number | 'unparsable' | undefined {
  let longest: number | 'unparsable' | undefined;
  for (const limit of RATE_LIMITS) {
    if (first(headers, `x-ratelimit-remaining${limit}`) !== '0') continue;
    const reset = first(headers, `x-ratelimit-reset${limit}`);
    if (reset === undefined) continue;
    const ms = parseReset(reset, wall);
    if (ms === undefined) longest ??= 'unparsable';
    else longest = typeof longest === 'number' ? Math.max(longest, ms) : ms;
  }
  return longest;
}

function parseReset(text: string, wall: number): number | undefined {
  if (SECONDS.test(text)) {
    const seconds = Number(text);
    return seconds >= EPOCH_SECONDS ? Math.max(0, seconds * 1_000 - wall) : seconds * 1_000;
  }
  const parts = text === '' ? null : DURATION.exec(text);
  if (!parts) return undefined;
  const [, hours = 0, minutes = 0, seconds = 0, millis = 0] = parts;
  return Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000 + Number(millis);
}

function first(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0])?.trim();
}
