import { systemClock } from '../kernel/clock.js';
import { passed } from './child.js';
import { type Stage } from './stage.js';

const EVERY_MS = 100;

/** One target at one moment. */
export interface TargetSample {
  readonly provider: string;
  readonly breaker: string;
  readonly coolDownMs: number;
  readonly limit: number;
  readonly inFlight: number;
  readonly recentShare: number;
}

/** The gateway at one moment, ms since the start of the game day. */
export interface Sample {
  readonly atMs: number;
  readonly inFlight: number;
  readonly targets: readonly TargetSample[];
}

interface StatusBody {
  readonly inFlight: number;
  readonly targets: readonly {
    readonly provider: string;
    readonly breaker: { readonly state: string };
    readonly coolDownMs: number;
    readonly limiter: { readonly limit: number; readonly inFlight: number };
    readonly recentShare: number;
  }[];
}

/** Looks at the gateway's status ten times a second, as an operator's console does. */
export class Observer {
  readonly samples: Sample[] = [];
  #running = true;

  constructor(
    private readonly stage: Stage,
    private readonly origin: number,
  ) {}

  /** Resolves after `stop`. */
  async run(): Promise<void> {
    while (this.#running) {
      const sample = await this.#sample().catch(() => undefined);
      if (sample) this.samples.push(sample);
      await passed(EVERY_MS);
    }
  }

  stop(): void {
    this.#running = false;
  }

  async #sample(): Promise<Sample> {
    const body = (await (await this.stage.admin('GET', 'status')).json()) as StatusBody;
    return {
      atMs: systemClock.now() - this.origin,
      inFlight: body.inFlight,
      targets: body.targets.map(({ provider, breaker, coolDownMs, limiter, recentShare }) => ({
        provider,
        breaker: breaker.state,
        coolDownMs,
        limit: limiter.limit,
        inFlight: limiter.inFlight,
        recentShare,
      })),
    };
  }
}

/** The samples of `/metrics` whose name begins so, by name and labels. */
export async function metricsOf(stage: Stage): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${stage.opsUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
