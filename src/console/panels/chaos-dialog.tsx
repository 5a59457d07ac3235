import { useContext, useState } from 'preact/hooks';
import { ApiContext } from '../data/api-context';
import { Confirm } from '../parts/confirm';

interface Fault {
  readonly label: string;
  /** The fault with the number of the form in it. */
  readonly of: (value: number) => Readonly<Record<string, unknown>>;
  /** What the number means; absent where there is none. */
  readonly number?: { readonly label: string; readonly initial: number };
}

const FAULTS: Readonly<Record<string, Fault>> = {
  error: {
    label: 'Answer an error',
    of: (status) => ({ type: 'error', status }),
    number: { label: 'Status', initial: 503 },
  },
  latency: { label: 'Answer late', of: (ms) => ({ type: 'latency', ms }), number: { label: 'By ms', initial: 2_000 } },
  connect_refused: { label: 'Refuse connections', of: () => ({ type: 'connect_refused' }) },
  abort: {
    label: 'Break the stream',
    of: (afterEvents) => ({ type: 'abort', afterEvents }),
    number: { label: 'After events', initial: 3 },
  },
  stall: {
    label: 'Stall the stream',
    of: (afterEvents) => ({ type: 'stall', afterEvents }),
    number: { label: 'After events', initial: 3 },
  },
  truncate: { label: 'End the stream early', of: () => ({ type: 'truncate' }) },
};

interface ChaosDialogProps {
  readonly provider: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Starts an experiment at one provider. */
export function ChaosDialog({ provider, onDone, onClose }: ChaosDialogProps) {
  const api = useContext(ApiContext);
  const [kind, setKind] = useState('error');
  const fault = FAULTS[kind];
  const start = async (form: FormData): Promise<void> => {
    await api.send('POST', 'chaos', {
      id: `${provider
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, '-')
        .slice(0, 40)}-${kind.replace('_', '-')}`,
      fault: fault?.of(Number(form.get('number'))),
      scope: { provider },
      percentage: Number(form.get('percentage')),
      ttlMs: Number(form.get('minutes')) * 60_000,
    });
    onDone();
  };
  return (
    <Confirm title={`Chaos at ${provider}`} action="Start experiment" danger onConfirm={start} onClose={onClose}>
      <p>Callers’ real requests meet the fault. It ends by itself, and with “End” at once.</p>
      <div class="fields">
        <label class="field">
          <span>Fault</span>
          <select name="fault" value={kind} onChange={({ currentTarget }) => setKind(currentTarget.value)}>
            {Object.entries(FAULTS).map(([name, { label }]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {fault?.number && (
          <label class="field" key={kind}>
            <span>{fault.number.label}</span>
            <input name="number" type="number" min="0" defaultValue={String(fault.number.initial)} required />
          </label>
        )}
        <label class="field">
          <span>Percent of requests</span>
          <input name="percentage" type="number" min="1" max="100" defaultValue="100" required />
        </label>
        <label class="field">
          <span>For minutes</span>
          <input name="minutes" type="number" min="1" max="15" defaultValue="5" required />
        </label>
      </div>
    </Confirm>
  );
}
