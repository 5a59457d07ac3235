/** The text of an event sent at `us`. */
export function sentAt(us: number): string;
/** @returns the send times in `text`, µs */
export function sendTimes(text: string): number[];
/** The slot of the `n`th stream. */
export function slotOf(n: number, slots: number): number;
