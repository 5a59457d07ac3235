/** An HTTP/1.1 answer as it arrives. */
export class Answer {
  /** @returns whether the answer is whole */
  add(bytes: Buffer): boolean;
  status(): number;
  body(): string;
}

/** @returns whether the gateway refused because it was too busy */
export function isShed(status: number, body: string): boolean;
/** @returns what is wrong, or undefined */
export function faultOfJson(body: string): string | undefined;
/** @returns what is wrong, or undefined */
export function faultOfStream(body: string, events: number): string | undefined;
