import { type TrafficSecond } from '../data/answers';
import { amount, duration } from '../format';
import { Chart } from '../parts/chart';
import { Panel } from '../parts/panel';

/** What callers get: how much, how well, how soon. */
export function Traffic({ seconds }: { readonly seconds: readonly TrafficSecond[] }) {
  const times = seconds.map(({ at }) => at / 1_000);
  const column = (name: keyof TrafficSecond): (number | null)[] => seconds.map((second) => second[name]);
  const last = seconds.at(-1);
  const per = (value: number | undefined): string => `${amount(value ?? 0)}/s`;
  return (
    <Panel id="traffic" title="Traffic" aside={<span class="muted">last 10 minutes, this process</span>}>
      <div class="charts">
        <Chart
          title="Requests"
          summary={`${per(last?.requests)}, ${per(last?.failed)} failed`}
          times={times}
          format={amount}
          lines={[
            { label: 'ended', token: '--series-1', values: column('requests'), filled: true },
            { label: 'refused (4xx)', token: '--series-3', values: column('refused') },
            { label: 'failed', token: '--bad', values: column('failed'), filled: true },
          ]}
        />
        <Chart
          title="Time to first token"
          summary={`p95 ${duration(latest(seconds, 'ttftP95'))}`}
          times={times}
          format={duration}
          lines={[
            { label: 'p50', token: '--series-1', values: column('ttftP50') },
            { label: 'p95', token: '--series-2', values: column('ttftP95') },
          ]}
        />
        <Chart
          title="Latency the gateway adds"
          summary={`p99 ${duration(latest(seconds, 'addedP99'))}`}
          times={times}
          format={duration}
          lines={[
            { label: 'p50', token: '--series-1', values: column('addedP50') },
            { label: 'p99', token: '--series-2', values: column('addedP99') },
          ]}
        />
      </div>
    </Panel>
  );
}

/** The newest that was measured within the last minute. */
function latest(seconds: readonly TrafficSecond[], name: 'ttftP95' | 'addedP99'): number | null {
  return seconds.slice(-60).findLast((second) => second[name] !== null)?.[name] ?? null;
}
