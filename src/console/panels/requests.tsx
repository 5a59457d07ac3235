import { useState } from 'preact/hooks';
import { type Flight } from '../data/observations';
import { useRoute } from '../data/use-route';
import { duration, time, usd } from '../format';
import { Badge, type Tone } from '../parts/badge';
import { Answered, Empty, Panel } from '../parts/panel';
import { Waterfall } from './waterfall';

const SHOWN = 100;
const FILTERS = ['all', 'failed', 'refused', 'more than one attempt'] as const;
type Filter = (typeof FILTERS)[number];

/** The last requests, and one of them in detail. */
export function Requests() {
  const [answer] = useRoute<{ requests: Flight[] }>(`requests?limit=${SHOWN}`, 2_000);
  const [filter, setFilter] = useState<Filter>('all');
  const [chosen, setChosen] = useState<Flight>();
  return (
    <Panel id="requests" title="Recent requests" aside={<FilterChoice value={filter} onChange={setFilter} />}>
      <Answered answer={answer}>
        {({ requests }) => (
          <div class="requests">
            <List flights={requests.filter((flight) => passes(flight, filter))} chosen={chosen} onChoose={setChosen} />
            <div class="detail" aria-live="polite">
              {chosen ? <Detail flight={chosen} /> : <Empty>Choose a request to see its stages and attempts.</Empty>}
            </div>
          </div>
        )}
      </Answered>
    </Panel>
  );
}

function FilterChoice({ value, onChange }: { readonly value: Filter; onChange: (filter: Filter) => void }) {
  return (
    <label class="inline-field">
      <span class="hidden">Show requests</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as Filter)}>
        {FILTERS.map((filter) => (
          <option key={filter}>{filter}</option>
        ))}
      </select>
    </label>
  );
}

function passes({ status, end, attempts }: Flight, filter: Filter): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'failed':
      return end === 'failed' || end === 'broken' || status >= 500;
    case 'refused':
      return end === 'refused';
    case 'more than one attempt':
      return attempts.length > 1;
  }
}

interface ListProps {
  readonly flights: readonly Flight[];
  readonly chosen: Flight | undefined;
  readonly onChoose: (flight: Flight) => void;
}

function List({ flights, chosen, onChoose }: ListProps) {
  if (flights.length === 0) return <Empty>No such request among the last {SHOWN}.</Empty>;
  return (
    <div class="scroll request-list" tabIndex={0} role="region" aria-label="Recent requests, newest first">
      <table>
        <thead>
          <tr>
            {['Ended', 'Request', 'Model', 'Key', 'Result', 'Route'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col" class="number">
              TTFT
            </th>
            <th scope="col" class="number">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {flights.map((flight) => (
            <tr key={flight.gatewayId} class={flight.gatewayId === chosen?.gatewayId ? 'chosen' : ''}>
              <td class="mono">{time(flight.endedAt)}</td>
              <td>
                <button
                  class="link mono"
                  aria-pressed={flight.gatewayId === chosen?.gatewayId}
                  onClick={() => onChoose(flight)}
                >
                  {shortId(flight.requestId)}
                </button>
              </td>
              <td class="mono clip">{flight.model ?? '–'}</td>
              <td class="mono clip">{flight.keyId}</td>
              <td>
                <Badge tone={toneOf(flight)}>{flight.code ?? (flight.status === 0 ? flight.end : flight.status)}</Badge>
              </td>
              <td class="mono">{routeOf(flight)}</td>
              <td class="number mono">{duration(flight.firstContentMs)}</td>
              <td class="number mono">{duration(flight.durationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** One request in words and bars. */
export function Detail({ flight }: { readonly flight: Flight }) {
  const { requestId, model, keyId, status, code, end, charge, firstContentMs, durationMs, stream } = flight;
  return (
    <>
      <h3 class="mono detail-id">{requestId}</h3>
      <dl class="facts">
        <Fact name="Result">
          {status} {code ?? end}
        </Fact>
        <Fact name="Model">
          {model ?? '–'}, {stream ? 'stream' : 'plain'}
        </Fact>
        <Fact name="Key">{keyId}</Fact>
        <Fact name="First content">{duration(firstContentMs)}</Fact>
        <Fact name="Time">{duration(durationMs)}</Fact>
        {charge && (
          <Fact name="Charged">
            {charge.promptTokens} + {charge.completionTokens} tokens, {usd(charge.costNanoUsd / 1e9)}
          </Fact>
        )}
      </dl>
      <Waterfall flight={flight} />
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="mono">{children}</dd>
    </div>
  );
}

function toneOf({ end, status }: Flight): Tone {
  if (end === 'failed' || end === 'broken' || status >= 500) return 'bad';
  if (end === 'refused') return 'warn';
  return end === 'completed' ? 'good' : 'plain';
}

function routeOf({ attempts }: Flight): string {
  return attempts.length === 0 ? '–' : attempts.map(({ provider }) => provider).join(' → ');
}

function shortId(id: string): string {
  return id.length > 16 ? `${id.slice(0, 6)}…${id.slice(-8)}` : id;
}
