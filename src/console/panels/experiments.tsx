import { useContext, useState } from 'preact/hooks';
import { type Chaos } from '../data/experiments';
import { ApiContext } from '../data/api-context';
import { type Answer } from '../data/use-route';
import { duration } from '../format';
import { Badge } from '../parts/badge';
import { Confirm } from '../parts/confirm';
import { Answered, Empty, Panel } from '../parts/panel';

interface ExperimentsProps {
  readonly answer: Answer<Chaos>;
  readonly onChange: () => void;
}

/** The chaos experiments that run, and the way to end them. */
export function Experiments({ answer, onChange }: ExperimentsProps) {
  const api = useContext(ApiContext);
  const [ending, setEnding] = useState<string>();
  const end = async (id: string): Promise<void> => {
    await api.send('DELETE', `chaos/${encodeURIComponent(id)}`);
    onChange();
  };
  return (
    <Panel id="experiments" title="Chaos experiments">
      <Answered answer={answer}>
        {({ enabled, experiments }) =>
          experiments.length === 0 ? (
            <Empty>
              {enabled
                ? 'None runs. Start one with “Chaos” at a provider.'
                : 'Off. Needs chaos.enabled in the file and GATEWAY_ALLOW_CHAOS=1.'}
            </Empty>
          ) : (
            <ul class="rows">
              {experiments.map(({ id, fault, scope, percentage, remainingMs, hits }) => (
                <li key={id} data-experiment={id}>
                  <div>
                    <Badge tone="bad">{fault.type.replaceAll('_', ' ')}</Badge> <span class="strong mono">{id}</span>
                    <div class="muted">
                      {percentage} % of {scopeOf(scope)}, {duration(remainingMs)} left
                      {hits !== null && `, ${hits} hit`}
                    </div>
                  </div>
                  <button onClick={() => setEnding(id)} aria-label={`End ${id}`}>
                    End
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      {ending !== undefined && (
        <Confirm
          title={`End ${ending}?`}
          action="End experiment"
          onConfirm={() => end(ending)}
          onClose={() => setEnding(undefined)}
        >
          <p>The next attempts meet no fault of it.</p>
        </Confirm>
      )}
    </Panel>
  );
}

function scopeOf(scope: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(scope).filter(([, value]) => typeof value === 'string');
  return parts.length === 0 ? 'everything' : parts.map(([name, value]) => `${name} ${String(value)}`).join(', ');
}
