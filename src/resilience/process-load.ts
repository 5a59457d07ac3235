import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { type LoadSource } from './load-sampler.js';
import { type LoadSample } from './shedding-level.js';

const RESOLUTION_MS = 10;
const NANOSECONDS = 1e6;
/** Readings that make up one second. */
const SLICES = 4;
const CGROUP_FILES = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'];

/** The gateway's own counts, read at each sample. */
export interface GatewayLoad {
  readonly inFlight: number;
  readonly maxInFlight: number;
  readonly sockets: number;
  readonly maxSockets: number;
}

/** The memory that the process may use, bytes: the cgroup's limit, else the machine's. Reads files: at start only. */
export function memoryLimitBytes(files: readonly string[] = CGROUP_FILES): number {
  for (const file of files) {
    const limit = readLimit(file);
    if (limit !== undefined) return Math.min(limit, totalmem());
  }
  return totalmem();
}

function readLimit(file: string): number | undefined {
  try {
    const limit = Number(readFileSync(file, 'utf8'));
    return limit > 0 ? limit : undefined;
  } catch {
    // Not this version of cgroups, or none at all.
    return undefined;
  }
}

/** Readings of this process. The delay is the worst p99 of the last four readings: a second at 250 ms each. */
export class ProcessLoad implements LoadSource {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #delays: number[] = new Array<number>(SLICES).fill(0);
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #reading = 0;

  constructor(
    private readonly memoryLimit: number,
    private readonly gateway: () => GatewayLoad,
  ) {
    this.#histogram.enable();
  }

  read(): LoadSample {
    // The histogram holds whole intervals between ticks, of which the resolution itself is no delay.
    this.#delays[this.#reading++ % SLICES] = this.#histogram.percentile(99) / NANOSECONDS - RESOLUTION_MS;
    this.#histogram.reset();
    const utilization = performance.eventLoopUtilization();
    const { utilization: utilisation } = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    const { inFlight, maxInFlight, sockets, maxSockets } = this.gateway();
    return {
      loopDelayMs: Math.max(0, ...this.#delays),
      utilisation,
      memory: process.memoryUsage.rss() / this.memoryLimit,
      inFlight: inFlight / maxInFlight,
      sockets: sockets / maxSockets,
    };
  }

  close(): void {
    this.#histogram.disable();
  }
}
