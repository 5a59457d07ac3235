import { type AcquireResult, type Answer, type QuotaStore, type Reservation } from './quota-store.js';

/** What a sign of life brings back. */
export interface Heartbeat {
  /** Gateways that share the store, this one included. */
  readonly gateways: number;
  /** Changes when another server, or the same one restarted, holds the data; empty where nobody can tell. */
  readonly identity: string;
  /** This gateway's last sign was not there any more: the store has lost writes. */
  readonly lostWrites: boolean;
}

/** A quota store that several gateways share, and that may be out of reach. */
export interface RemoteQuotaStore extends QuotaStore {
  /** Books a reservation that the store lost, unchecked; ids make it harmless where it was not lost. */
  restore(reservation: Reservation): Answer<AcquireResult>;
  heartbeat(): Promise<Heartbeat>;
}
