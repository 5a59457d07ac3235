import { useState } from 'preact/hooks';
import { type Override, type Status, type Target } from '../data/answers';
import { duration, percent } from '../format';
import { Badge, type Tone } from '../parts/badge';
import { Meter } from '../parts/meter';
import { Empty, Panel } from '../parts/panel';
import { type ProviderAction, ProviderDialog } from './provider-dialog';

const COLUMNS = ['Target', 'Breaker', 'Concurrency', 'TTFT p50', 'TTFT p95', 'Share', 'Weight'];

interface TargetsProps {
  readonly status: Status | undefined;
  /** Whether experiments are allowed. */
  readonly chaos: boolean;
  readonly onChaos: () => void;
}

/** Where requests go, and the means to send them elsewhere. */
export function Targets({ status, chaos, onChaos }: TargetsProps) {
  const [action, setAction] = useState<ProviderAction>();
  const groups = byProvider(status?.targets ?? []);
  return (
    <Panel id="targets" title="Targets" aside={<span class="muted">share of the last 1,000 attempts</span>}>
      {groups.size === 0 ? (
        <Empty>No target is configured.</Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Targets by provider">
          <table class="targets">
            <thead>
              <tr>
                {COLUMNS.map((name, at) => (
                  <th key={name} scope="col" class={at > 2 ? 'number' : ''}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            {[...groups].map(([provider, targets]) => (
              <Provider
                key={provider}
                name={provider}
                targets={targets}
                chaos={chaos}
                override={status?.overrides.find((entry) => entry.provider === provider)}
                onAction={(kind) => setAction({ kind, provider })}
              />
            ))}
          </table>
        </div>
      )}
      {action && <ProviderDialog action={action} onDone={onChaos} onClose={() => setAction(undefined)} />}
    </Panel>
  );
}

function byProvider(targets: readonly Target[]): ReadonlyMap<string, readonly Target[]> {
  const groups = new Map<string, Target[]>();
  for (const target of targets) {
    const group = groups.get(target.provider);
    if (group) group.push(target);
    else groups.set(target.provider, [target]);
  }
  return groups;
}

interface ProviderProps {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly chaos: boolean;
  readonly override: Override | undefined;
  readonly onAction: (kind: ProviderAction['kind']) => void;
}

function Provider({ name, targets, chaos, override, onAction }: ProviderProps) {
  const drained = override?.drained === true;
  return (
    <tbody data-provider={name}>
      <tr class="provider">
        <th scope="rowgroup" colSpan={3}>
          <span class="provider-name">{name}</span>
          {targets.every(({ enabled }) => !enabled) && <Badge tone="plain">disabled</Badge>}
          {drained && <Badge tone="warn">drained</Badge>}
          {override?.weight !== undefined && (
            <Badge tone="warn">
              weight {override.weight} for {duration(override.remainingMs)}
            </Badge>
          )}
        </th>
        <td class="actions" colSpan={4}>
          <button
            onClick={() => onAction(drained ? 'undrain' : 'drain')}
            aria-label={`${drained ? 'Undrain' : 'Drain'} ${name}`}
          >
            {drained ? 'Undrain' : 'Drain'}
          </button>
          <button onClick={() => onAction('weight')} aria-label={`Weight of ${name}`}>
            Weight
          </button>
          {chaos && (
            <button onClick={() => onAction('chaos')} aria-label={`Chaos at ${name}`}>
              Chaos
            </button>
          )}
        </td>
      </tr>
      {targets.map((target) => (
        <TargetRow key={target.id} target={target} />
      ))}
    </tbody>
  );
}

function TargetRow({ target }: { readonly target: Target }) {
  const { id, model, limiter, queued, ttftMs, recentShare, weight, weightFactor } = target;
  return (
    <tr data-target={id}>
      <td class="mono target-model">{model}</td>
      <td>
        <BreakerState target={target} />
      </td>
      <td>
        <div class="concurrency">
          <span class="mono">
            {limiter.inFlight} / {Math.floor(limiter.limit)}
          </span>
          <Meter label={`Slots in use at ${id}`} share={limiter.inFlight / Math.max(1, limiter.limit)} />
          {queued > 0 && <Badge tone="warn">{queued} queued</Badge>}
        </div>
      </td>
      <td class="number mono">{duration(ttftMs.p50)}</td>
      <td class="number mono">{duration(ttftMs.p95)}</td>
      <td class="number mono">{percent(recentShare)}</td>
      <td class="number mono">{Math.round(weight * weightFactor * 100) / 100}</td>
    </tr>
  );
}

const TONES: Readonly<Record<string, Tone>> = { closed: 'good', open: 'bad' };

function BreakerState({ target: { breaker, coolDownMs } }: { readonly target: Target }) {
  return (
    <>
      <Badge tone={TONES[breaker.state] ?? 'warn'}>
        {breaker.state}
        {breaker.state === 'open' &&
          (breaker.remainingOpenMs > 0 ? ` ${duration(breaker.remainingOpenMs)}` : ', probe is due')}
      </Badge>
      {coolDownMs > 0 && <Badge tone="warn">cooling {duration(coolDownMs)}</Badge>}
    </>
  );
}
