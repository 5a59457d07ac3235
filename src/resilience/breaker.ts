import { type Clock } from '../kernel/clock.js';
import { type BreakerSettings } from '../kernel/snapshot.js';
import { type OutcomeClass, OutcomeWindow } from './outcome-window.js';

export type BreakerState = 'closed' | 'open' | 'halfOpen';

export type TransitionReason =
  | 'consecutiveFaults'
  | 'failureRate'
  | 'throttleRate'
  | 'slowRate'
  | 'insufficientQuota'
  | 'openElapsed'
  | 'panic'
  | 'probeFailed'
  | 'probeExpired'
  | 'probesSucceeded'
  | 'disabled';

export interface BreakerTransition {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: TransitionReason;
  /** How long it stays open, ms; 0 when it does not open. */
  readonly openMs: number;
}

/**
 * The right to one attempt, to be handed back to `record`. A plain number, so that the hot path allocates
 * nothing: REFUSED, positive (the closed period that it belongs to), or negative (the serial of a probe).
 */
export type BreakerPermit = number;
export const REFUSED: BreakerPermit = 0;

/** Is this attempt the one probe of a half-open breaker? */
export const isProbe = (permit: BreakerPermit): boolean => permit < 0;

/** Closed this long without an opening, the target counts as healthy and the next opening is short again. */
const HEALTHY_MS = 60_000;
const QUOTA_OUTAGE_MS = 60_000;
const MAX_QUOTA_OUTAGE_MS = 15 * 60_000;
const SLOW_START_FROM = 0.1;

/**
 * Circuit breaker of one target. Every permit that is not REFUSED must come back once through
 * `record`; a permit of an earlier period changes nothing, so that late ends of old streams cannot reopen it.
 */
export class Breaker {
  #state: BreakerState = 'closed';
  #settings: BreakerSettings;
  #window: OutcomeWindow;
  #consecutive = 0;
  #openings = 0;
  #quotaOutages = 0;
  #quotaOutage = false;
  #openedAt = 0;
  #openUntil = 0;
  #closedAt = -Infinity;
  #epoch = 1;
  #probeSerial = 0;
  #probeInFlight = false;
  #probeExpiresAt = 0;
  #probeSuccesses = 0;

  constructor(
    private readonly clock: Clock,
    settings: BreakerSettings,
    private readonly onTransition: (transition: BreakerTransition) => void = ignore,
  ) {
    this.#settings = settings;
    this.#window = new OutcomeWindow(settings.windowMs);
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** When it last opened, monotonic ms: the all-open policy tries the least recent first. */
  get openedAt(): number {
    return this.#openedAt;
  }

  /** Time until it would let a probe through, ms; 0 unless open. */
  get remainingOpenMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntil - this.clock.now()) : 0;
  }

  /** A probe is under way: whoever comes meanwhile is refused. */
  get probing(): boolean {
    return this.#probeInFlight;
  }

  /** What `tryAcquire` would answer now, without taking anything: for planning. */
  peek(): 'allow' | 'probe' | 'refuse' {
    if (this.#state === 'closed') return 'allow';
    const now = this.clock.now();
    this.#expireProbe(now);
    if (this.#state === 'open') return now >= this.#openUntil ? 'probe' : 'refuse';
    return this.#probeInFlight ? 'refuse' : 'probe';
  }

  /** `probeTimeoutMs`: a probe that has not come back after it counts as a fault. */
  tryAcquire(probeTimeoutMs: number): BreakerPermit {
    if (this.#state === 'closed') return this.#epoch;
    const now = this.clock.now();
    this.#expireProbe(now);
    if (this.#state === 'open') {
      if (now < this.#openUntil) return REFUSED;
      this.#halfOpen('openElapsed');
    }
    return this.#probe(now, probeTimeoutMs);
  }

  /** A probe ahead of time, because every other way is shut too. Not while the account is empty. */
  forceProbe(probeTimeoutMs: number): BreakerPermit {
    const now = this.clock.now();
    this.#expireProbe(now);
    if (this.#state === 'closed') return this.#epoch;
    if (this.#state === 'open') {
      if (this.#quotaOutage && now < this.#openUntil) return REFUSED;
      this.#halfOpen('panic');
    }
    return this.#probe(now, probeTimeoutMs);
  }

  /** Ends an attempt: of a stream, when the stream has ended. `ttftMs` undefined where no content came. */
  record(permit: BreakerPermit, outcome: OutcomeClass, ttftMs?: number): void {
    if (permit < 0) {
      this.#recordProbe(permit, outcome);
      return;
    }
    if (permit !== this.#epoch || this.#state !== 'closed' || outcome === 'ignored' || !this.#settings.enabled) return;
    const now = this.clock.now();
    this.#window.add(now, outcome, ttftMs !== undefined && ttftMs > this.#settings.slowMs);
    if (outcome === 'fault') this.#consecutive++;
    else if (outcome === 'success') this.#consecutive = 0;
    const reason = this.#tripReason();
    if (reason) this.#open(reason, now);
  }

  /** Ends an attempt with the upstream's `insufficient_quota`: out for 60 s, doubling to 15 min. */
  recordInsufficientQuota(permit: BreakerPermit): void {
    if (this.#quotaOutage || !this.#settings.enabled) return;
    if (permit < 0 ? !this.#isCurrentProbe(permit) : permit !== this.#epoch) return;
    this.#probeInFlight = false;
    this.#open('insufficientQuota', this.clock.now());
  }

  /** Share of its weight that the target should get: rises from 0.1 to 1 after it closed again; 0 while open. */
  weightFactor(): number {
    if (this.#state === 'open') return 0;
    if (this.#state === 'halfOpen') return SLOW_START_FROM;
    if (this.#closedAt === -Infinity) return 1;
    const progress = (this.clock.now() - this.#closedAt) / this.#settings.slowStartMs;
    return progress >= 1 ? 1 : SLOW_START_FROM + (1 - SLOW_START_FROM) * progress;
  }

  /** Takes a reload's settings over. State and counts stay; another window length begins with empty counts. */
  configure(settings: BreakerSettings): void {
    if (settings.windowMs !== this.#settings.windowMs) this.#window = new OutcomeWindow(settings.windowMs);
    this.#settings = settings;
    if (!settings.enabled && this.#state !== 'closed') this.#close('disabled');
  }

  #recordProbe(permit: BreakerPermit, outcome: OutcomeClass): void {
    if (!this.#isCurrentProbe(permit)) return;
    this.#probeInFlight = false;
    if (outcome === 'fault') this.#open('probeFailed', this.clock.now());
    else if (outcome === 'success' && ++this.#probeSuccesses >= this.#settings.probeSuccesses) {
      this.#close('probesSucceeded');
    }
  }

  #isCurrentProbe(permit: BreakerPermit): boolean {
    return this.#probeInFlight && permit === -this.#probeSerial;
  }

  #tripReason(): TransitionReason | undefined {
    const { consecutiveFaults, minSamples, failureRate, throttleRate, slowRate } = this.#settings;
    if (this.#consecutive >= consecutiveFaults) return 'consecutiveFaults';
    const { total, fault, throttle, success, slow } = this.#window;
    if (total < minSamples) return undefined;
    if (fault >= failureRate * total) return 'failureRate';
    // Refusals alone are no outage while anything succeeds: cool-down and limiter deal with them.
    if ((fault > 0 || success === 0) && fault + throttle >= throttleRate * total) return 'throttleRate';
    return slow >= slowRate * total ? 'slowRate' : undefined;
  }

  #probe(now: number, timeoutMs: number): BreakerPermit {
    if (this.#probeInFlight) return REFUSED;
    this.#probeInFlight = true;
    this.#probeExpiresAt = now + timeoutMs;
    return -++this.#probeSerial;
  }

  #expireProbe(now: number): void {
    if (!this.#probeInFlight || now < this.#probeExpiresAt) return;
    this.#probeInFlight = false;
    this.#open('probeExpired', now);
  }

  #open(reason: TransitionReason, now: number): void {
    if (this.#state === 'closed' && now - this.#closedAt >= HEALTHY_MS) {
      this.#openings = 0;
      this.#quotaOutages = 0;
    }
    this.#quotaOutage = reason === 'insufficientQuota';
    const openMs = this.#quotaOutage ? this.#quotaOutageMs() : this.#openMs();
    this.#openedAt = now;
    this.#openUntil = now + openMs;
    this.#transition('open', reason, openMs);
  }

  #openMs(): number {
    const { openMs, maxOpenMs } = this.#settings;
    return Math.min(maxOpenMs, openMs * 2 ** this.#openings++) * (0.8 + 0.4 * this.clock.random());
  }

  #quotaOutageMs(): number {
    return Math.min(MAX_QUOTA_OUTAGE_MS, QUOTA_OUTAGE_MS * 2 ** this.#quotaOutages++);
  }

  #halfOpen(reason: TransitionReason): void {
    this.#probeSuccesses = 0;
    this.#quotaOutage = false;
    this.#transition('halfOpen', reason, 0);
  }

  #close(reason: TransitionReason): void {
    this.#closedAt = this.clock.now();
    this.#consecutive = 0;
    this.#window.clear();
    this.#epoch++;
    this.#probeInFlight = false;
    this.#quotaOutage = false;
    this.#transition('closed', reason, 0);
  }

  #transition(to: BreakerState, reason: TransitionReason, openMs: number): void {
    const from = this.#state;
    this.#state = to;
    if (from !== to) this.onTransition({ from, to, reason, openMs });
  }
}

function ignore(): void {
  // Nobody listens.
}
