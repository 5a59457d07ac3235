import { Injectable } from '@nestjs/common';

/** Whether this process still takes requests. */
@Injectable()
export class DrainState {
  #phase: 'serving' | 'unready' | 'refusing' = 'serving';

  /** Readiness says no: whoever routes to us should stop. */
  get unready(): boolean {
    return this.#phase !== 'serving';
  }

  /** New requests are refused. */
  get refusing(): boolean {
    return this.#phase === 'refusing';
  }

  stopBeingReady(): void {
    if (this.#phase === 'serving') this.#phase = 'unready';
  }

  refuse(): void {
    this.#phase = 'refusing';
  }
}
