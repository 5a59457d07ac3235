import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, reasonOf } from './api';
import { ApiContext } from './api-context';

/** What a panel knows: nothing yet, an answer, that this gateway has no such route, or why there is none. */
export type Answer<Data> =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly data: Data }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly reason: string };

/** While the gateway is away, the last that was heard is worth more than that it is away: the screen says so once. */
function keeps<Data>(last: Answer<Data>, next: Answer<Data>): boolean {
  return last.state === 'ready' && next.state === 'failed';
}

/**
 * Reads a route now and every `everyMs` while the page is seen; 0 = once. A route that is absent is not asked again.
 * @returns the answer, and the call that reads at once
 */
export function useRoute<Data>(path: string, everyMs: number): readonly [Answer<Data>, () => void] {
  const api = useContext(ApiContext);
  const [answer, setAnswer] = useState<Answer<Data>>({ state: 'loading' });
  const turn = useRef(0);
  const missing = useRef(false);
  const read = useCallback(() => {
    const mine = ++turn.current;
    const settle = (next: Answer<Data>): void => {
      if (mine === turn.current) setAnswer((last) => (keeps(last, next) ? last : next));
    };
    api.get<Data>(path).then(
      (data) => settle({ state: 'ready', data }),
      (error: unknown) => {
        const absent = error instanceof ApiError && error.code === 'not_found';
        missing.current = absent;
        settle(absent ? { state: 'absent' } : { state: 'failed', reason: reasonOf(error) });
      },
    );
  }, [api, path]);
  useEffect(() => {
    read();
    if (everyMs === 0) return;
    const timer = setInterval(() => {
      if (!document.hidden && !missing.current) read();
    }, everyMs);
    return () => {
      turn.current++;
      clearInterval(timer);
    };
  }, [read, everyMs]);
  return [answer, read];
}
