import { type ErrorObject } from '../kernel/gateway-error.js';

/** The most of an upstream's words that a caller is told, UTF-16 units. */
const TOLD = 1_000;
/** The most of them that is looked at: far more than is told, so that no cut goes through a credential that is told. */
const READ = 16 * 1_024;
/** Searched from the beginning of each run of a scheme's characters: from each character, a long word would take its square. */
const URL_LIKE = /(?<![a-z0-9+.-])[a-z0-9+.-]+:(?:\\?\/){2}(?:[^\s"')]|['")]+(?=[\w/?&=#%]))+/gi;
/** What a word ends with. */
const ENDS = [' ', '\n', '\t', '"', "'", ')'];

/** What an upstream says in an error, bounded and without URLs: they may be internal. */
export function withoutUrls(message: string): string {
  const read = message.length > READ ? wholeWords(message.slice(0, READ)) : message;
  return read.replace(URL_LIKE, '[url]');
}

/** Without the last word, which a cut may have left a part of: it could be the beginning of a credential. */
function wholeWords(text: string): string {
  const end = Math.max(...ENDS.map((mark) => text.lastIndexOf(mark)));
  return end < 0 ? text : text.slice(0, end);
}

/** An upstream's error as it may be told: without URLs and the credential that the upstream was sent, and bounded. */
export function tellable(error: ErrorObject, credential: string | undefined): ErrorObject {
  const clean = (text: string): string =>
    withoutUrls(credential ? text.replaceAll(credential, '[redacted]') : text).slice(0, TOLD);
  return {
    message: clean(error.message),
    type: clean(error.type),
    param: error.param === null ? null : clean(error.param),
    code: error.code === null ? null : clean(error.code),
  };
}
