import { UpstreamFailure } from './upstream.js';

/**
 * An upstream's object as text again.
 * @throws UpstreamFailure malformed for one that is nested deeper than can be written
 */
export function jsonText(value: object): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new UpstreamFailure('fault', 'malformed', 'elsewhere', { cause });
  }
}
