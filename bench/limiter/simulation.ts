import { type Clock } from '../../src/kernel/clock.js';
import { Limiter } from '../../src/resilience/limiter.js';
import { seededRandom } from '../../test/support/seeded-random.js';
import { type Contender } from './contenders.js';
import { BatchingEngine, type SimulatedRequest } from './engine.js';

/** Requests per second that the engine finishes under a backlog; the spec measures it again. */
export const CAPACITY = 4.8;
/** A request is good when its first token comes within this. */
const GOOD_TTFT_MS = 2_000;

export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Offered load as a multiple of CAPACITY. */
  readonly load: number;
  readonly slowness?: number;
  /** Answers are this many times as long. */
  readonly outputFactor?: number;
}

export interface PhaseResult {
  readonly rejected: number;
  readonly goodputPerSecond: number;
  readonly p99TtftMs: number;
}

/** Simulated time: moved by the simulation alone. */
export class SimulatedClock implements Clock {
  time = 0;
  readonly random: () => number;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.time;
  }

  after(): never {
    throw new Error('The simulation has no timers.');
  }

  turn(): never {
    throw new Error('The simulation has no event loop.');
  }
}

/** Plays the phases one after the other against one engine behind one limiter. */
export function simulate(contender: Contender, phases: readonly Phase[], seed: number): PhaseResult[] {
  const run = new Run(contender, new SimulatedClock(seed));
  return phases.map((phase) => run.play(phase)).map((finish) => finish());
}

class Run {
  readonly #engine = new BatchingEngine();
  readonly #limiter: Limiter;
  #stepEnd = Infinity;

  constructor(
    private readonly contender: Contender,
    private readonly clock: SimulatedClock,
  ) {
    this.#limiter = new Limiter(contender.create(clock));
  }

  /** Answers a function, because the last requests of a phase end in the next one. */
  play(phase: Phase): () => PhaseResult {
    const accepted: SimulatedRequest[] = [];
    let offered = 0;
    this.#engine.slowness = phase.slowness ?? 1;
    const end = this.clock.time + phase.seconds * 1_000;
    let arrival = this.clock.time + this.#gapMs(phase);
    while (Math.min(arrival, this.#stepEnd) < end) {
      if (this.#stepEnd <= arrival) {
        this.#step();
        continue;
      }
      this.clock.time = arrival;
      arrival += this.#gapMs(phase);
      offered++;
      const request = this.#request(phase);
      if (!this.#limiter.tryAcquire()) continue;
      accepted.push(request);
      this.#engine.enqueue(request);
      if (this.#stepEnd === Infinity) this.#stepEnd = this.clock.time + this.#engine.begin();
    }
    this.clock.time = end;
    return () => summarise(accepted, offered, phase.seconds, this.clock.time);
  }

  #step(): void {
    this.clock.time = this.#stepEnd;
    this.#engine.end(
      this.clock.time,
      (request) => this.#first(request),
      (request) => this.#end(request),
    );
    this.#stepEnd = this.#engine.idle ? Infinity : this.clock.time + this.#engine.begin();
  }

  #first(request: SimulatedRequest): void {
    if (this.contender.signal !== 'ttft') return;
    this.#limiter.firstToken(this.clock.time - request.arrivedAt, request.promptTokens);
  }

  #end(request: SimulatedRequest): void {
    if (this.contender.signal === 'total') {
      this.#limiter.firstToken(this.clock.time - request.arrivedAt, request.promptTokens);
    }
    this.#limiter.release('done');
  }

  #gapMs({ load }: Phase): number {
    return (-Math.log(1 - this.clock.random()) / (load * CAPACITY)) * 1_000;
  }

  #request({ outputFactor = 1 }: Phase): SimulatedRequest {
    return {
      arrivedAt: this.clock.time,
      promptTokens: Math.min(8_000, Math.ceil(this.#logNormal(400, 0.9))),
      outputTokens: Math.min(2_000, Math.ceil(this.#logNormal(150, 1) * outputFactor)),
      firstTokenAt: Infinity,
      finishedAt: Infinity,
    };
  }

  #logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.clock.random()));
    return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.clock.random()));
  }
}

function summarise(accepted: readonly SimulatedRequest[], offered: number, seconds: number, now: number): PhaseResult {
  // Who still waits when the run ends has waited at least until now.
  const ttfts = accepted.map(({ arrivedAt, firstTokenAt }) => Math.min(firstTokenAt, now) - arrivedAt);
  ttfts.sort((a, b) => a - b);
  const good = accepted.filter((request) => request.firstTokenAt - request.arrivedAt <= GOOD_TTFT_MS);
  return {
    rejected: offered === 0 ? 0 : 1 - accepted.length / offered,
    goodputPerSecond: good.length / seconds,
    p99TtftMs: ttfts[Math.floor(ttfts.length * 0.99)] ?? 0,
  };
}
