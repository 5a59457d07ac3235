import { type Flight, type FlightAttempt } from '../data/observations';
import { duration } from '../format';
import { Badge, type Tone } from '../parts/badge';

const STAGES = ['receive', 'guard', 'quota', 'route', 'queue', 'upstream', 'send'] as const;

/** One request over its time: stages in a row, then each attempt where and as long as it ran. */
export function Waterfall({ flight }: { readonly flight: Flight }) {
  const { durationMs, stagesMs, attempts } = flight;
  const stages = STAGES.map((name) => ({ name, ms: stagesMs?.[name] ?? 0 })).filter(({ ms }) => ms > 0);
  return (
    <div class="waterfall">
      {stages.length > 0 && (
        <>
          <div class="stages" aria-hidden="true">
            {stages.map(({ name, ms }) => (
              <i key={name} class={`stage stage-${name}`} style={{ flexGrow: ms / Math.max(durationMs, 0.001) }} />
            ))}
          </div>
          <ul class="legend">
            {stages.map(({ name, ms }) => (
              <li key={name}>
                <i class={`stage-${name}`} />
                {name} <span class="mono">{duration(ms)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <ol class="attempts">
        {attempts.map((attempt, at) => (
          <Attempt key={at} attempt={attempt} total={durationMs} />
        ))}
        {attempts.length === 0 && <li class="muted">No attempt was made.</li>}
      </ol>
    </div>
  );
}

const TONES: Readonly<Record<string, Tone>> = { success: 'good', throttle: 'warn', fault: 'bad' };

function Attempt({ attempt, total }: { readonly attempt: FlightAttempt; readonly total: number }) {
  const { provider, upstreamModel, kind, outcome, reason, status, startMs, firstContentMs, endMs } = attempt;
  const at = (ms: number): string => `${Math.min(100, (ms / Math.max(total, 0.001)) * 100)}%`;
  const end = endMs ?? total;
  const first = firstContentMs ?? end;
  const tone = TONES[outcome ?? ''] ?? 'plain';
  const why = [reason, status].filter((part) => part !== undefined).join(' ');
  return (
    <li>
      <div class="attempt-head">
        <span class="strong">{provider}</span> <span class="muted mono">{upstreamModel}</span>
        <span class="muted">{kind}</span>
        <Badge tone={tone}>
          {outcome ?? 'running'}
          {outcome !== 'success' && why !== '' && ` · ${why}`}
        </Badge>
        <span class="mono attempt-time">
          {duration(startMs)} → {duration(end)}
        </span>
      </div>
      <div class="attempt-track" aria-hidden="true">
        <i class={`wait wait-${tone}`} style={{ left: at(startMs), width: at(Math.max(first - startMs, 0)) }} />
        <i class={`flow flow-${tone}`} style={{ left: at(first), width: at(Math.max(end - first, 0)) }} />
      </div>
    </li>
  );
}
