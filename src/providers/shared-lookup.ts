import { type LookupAddress, type LookupOptions } from 'node:dns';

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** As node:dns's `lookup`, asked for all addresses. */
export type LookupAll = (hostname: string, options: LookupOptions & { all: true }, found: Found) => void;

/**
 * A look-up that is asked once for all who wait for the same name. Each one that runs holds a thread of the process's few
 * (four), and the system's resolver takes as long as it likes: a provider whose name server is silent would otherwise hold
 * them all, and with them the look-ups of every other provider. Nothing is kept beyond the answer.
 */
export function sharedLookup(resolve: LookupAll): LookupAll {
  const waiting = new Map<string, Found[]>();
  return (hostname, options, found) => {
    const name = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`;
    const others = waiting.get(name);
    if (others) {
      others.push(found);
      return;
    }
    const all = [found];
    waiting.set(name, all);
    resolve(hostname, options, (error, addresses) => {
      waiting.delete(name);
      for (const each of all) each(error, addresses);
    });
  };
}
