/** What a gateway file may ask for at most, ms: whoever waits for the end of a process needs a bound, too. */
export const LONGEST_DRAIN_DELAY_MS = 10 * 60_000;
export const LONGEST_DRAIN_MS = 60 * 60_000;
