import { Injectable } from '@nestjs/common';

/** Whether this process still takes requests. */
@Injectable()
export class DrainState {
  #phase: 'serving' | 'unready' | 'leaving' | 'refusing' = 'serving';

  /** Readiness says no: whoever routes to us should stop. */
  get unready(): boolean {
    return this.#phase !== 'serving';
  }

  /** New requests are refused. */
  get refusing(): boolean {
    return this.#phase === 'refusing';
  }

  /** Answers say that their connection ends. */
  get closesConnections(): boolean {
    return this.#phase === 'leaving' || this.#phase === 'refusing';
  }

  stopBeingReady(): void {
    if (this.#phase === 'serving') this.#phase = 'unready';
  }

  /** Others serve in its place: callers are asked to connect again. */
  leave(): void {
    if (this.#phase !== 'refusing') this.#phase = 'leaving';
  }

  refuse(): void {
    this.#phase = 'refusing';
  }
}
