import { type AcquireRequest, type Admission, type RateLevels, type Refusal, type Reservation } from './quota-store.js';

/** Nothing is known of the rates, or nothing limits them. */
export const NO_LEVELS: RateLevels = { requests: undefined, tokens: undefined };

/** A reservation that the store itself holds. */
export function admission(
  request: AcquireRequest,
  admittedAtUs: number,
  levels: RateLevels,
  repeated: boolean,
): Admission {
  const { id, principal, tokens, costNanoUsd } = request;
  const reservation: Reservation = { id, principal, tokens, costNanoUsd, admittedAtUs, heldBy: 'store' };
  return { admitted: true, reservation, repeated, levels };
}

/** A refusal that no budget is named for. */
export function refusalOf(reason: Refusal['reason'], retryAfterUs: number | undefined, levels: RateLevels): Refusal {
  return { admitted: false, reason, retryAfterUs, budget: undefined, levels };
}
