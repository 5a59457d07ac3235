/** What chaos does to one command of the quota store. */
export type StoreFault =
  | { readonly type: 'redis_latency'; readonly ms: number }
  | { readonly type: 'redis_error' }
  | { readonly type: 'redis_timeout' };

/** Where chaos stands before the quota store: `draw` is set only while an experiment there runs. */
export class StoreFaults {
  /** The fault of the next command; undefined = it goes through. */
  draw: (() => StoreFault | undefined) | undefined;
}
