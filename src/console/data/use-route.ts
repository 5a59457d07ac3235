import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, reasonOf } from './api';
import { ApiContext } from './api-context';

/** What a panel knows: nothing yet, an answer, that this gateway has no such route, or why there is none. */
export type Answer<Data> =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly data: Data }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly reason: string };

/**
 * Reads a route now and every `everyMs` while the page is seen; 0 = once.
 * @returns the answer, and the call that reads at once
 */
export function useRoute<Data>(path: string, everyMs: number): readonly [Answer<Data>, () => void] {
  const api = useContext(ApiContext);
  const [answer, setAnswer] = useState<Answer<Data>>({ state: 'loading' });
  const turn = useRef(0);
  const read = useCallback(() => {
    const mine = ++turn.current;
    const settle = (next: Answer<Data>): void => {
      if (mine === turn.current) setAnswer(next);
    };
    api.get<Data>(path).then(
      (data) => settle({ state: 'ready', data }),
      (error: unknown) => {
        const absent = error instanceof ApiError && error.code === 'not_found';
        settle(absent ? { state: 'absent' } : { state: 'failed', reason: reasonOf(error) });
      },
    );
  }, [api, path]);
  useEffect(() => {
    read();
    if (everyMs === 0) return;
    const timer = setInterval(() => {
      if (!document.hidden) read();
    }, everyMs);
    return () => {
      turn.current++;
      clearInterval(timer);
    };
  }, [read, everyMs]);
  return [answer, read];
}
