import { useContext, useEffect, useState } from 'preact/hooks';
import { type Api } from './api';
import { ApiContext } from './api-context';
import { type Status, type TrafficSecond } from './answers';
import { eventsOf } from './server-sent-events';

/** Silence after which the gateway counts as gone, ms. It speaks every second. */
const SILENCE_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
const SECONDS = 600;

/** What the page knows of the gateway, live. */
export interface Live {
  /** Since when nothing is heard, wall clock ms; undefined while it speaks. */
  readonly lostAt: number | undefined;
  /** The last that was heard. */
  readonly status: Status | undefined;
  readonly seconds: readonly TrafficSecond[];
}

/** Follows the status stream, for ever: a stream that ends is opened again. */
export function useStatus(): Live {
  const api = useContext(ApiContext);
  const [live, setLive] = useState<Live>({ lostAt: undefined, status: undefined, seconds: [] });
  useEffect(() => {
    const stop = new AbortController();
    void follow(api, setLive, stop.signal);
    return () => stop.abort();
  }, [api]);
  return live;
}

type Update = (change: (live: Live) => Live) => void;

async function follow(api: Api, update: Update, stop: AbortSignal): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    try {
      await listen(api, update, stop, () => (pause = FIRST_PAUSE_MS));
      // Ended in order, as at every change of the configuration: whoever may still read opens it again.
    } catch {
      if (!stop.aborted) update((live) => ({ ...live, lostAt: live.lostAt ?? Date.now() }));
    }
    if (stop.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
  }
}

async function listen(api: Api, update: Update, stop: AbortSignal, heard: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const signal = AbortSignal.any([stop, silence.signal]);
    const response = await api.open('GET', 'events', { signal });
    const { seconds } = await api.get<{ seconds: TrafficSecond[] }>('traffic');
    update((live) => ({ ...live, seconds }));
    if (!response.body) return;
    for await (const { event, data } of eventsOf(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      if (event !== 'status') continue;
      heard();
      const status = JSON.parse(data) as Status;
      update((live) => ({ lostAt: undefined, status, seconds: extended(live.seconds, status.traffic) }));
    }
  } finally {
    clearTimeout(timer);
  }
}

function extended(seconds: readonly TrafficSecond[], next: TrafficSecond | null): readonly TrafficSecond[] {
  const last = seconds.at(-1);
  return next === null || (last && next.at <= last.at) ? seconds : [...seconds, next].slice(-SECONDS);
}
