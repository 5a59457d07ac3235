import { useContext } from 'preact/hooks';
import { ApiContext } from '../data/api-context';
import { Confirm } from '../parts/confirm';
import { ChaosDialog } from './chaos-dialog';

/** What an operator is about to do to a provider. */
export interface ProviderAction {
  readonly kind: 'drain' | 'undrain' | 'weight' | 'chaos';
  readonly provider: string;
}

interface ProviderDialogProps {
  readonly action: ProviderAction;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** The question before a provider gets more, less, or other traffic. */
export function ProviderDialog({ action: { kind, provider }, onDone, onClose }: ProviderDialogProps) {
  const api = useContext(ApiContext);
  const act = (what: string, body?: unknown): Promise<unknown> =>
    api.send('POST', `providers/${encodeURIComponent(provider)}/${what}`, body);
  switch (kind) {
    case 'drain':
      return (
        <Confirm title={`Drain ${provider}?`} action="Drain" danger onConfirm={() => act('drain')} onClose={onClose}>
          <p>It gets no new request; those in flight finish. Holds in this process until it is undrained or ends.</p>
        </Confirm>
      );
    case 'undrain':
      return (
        <Confirm title={`Undrain ${provider}?`} action="Undrain" onConfirm={() => act('undrain')} onClose={onClose}>
          <p>It gets its share of new requests again.</p>
        </Confirm>
      );
    case 'weight':
      return (
        <Confirm
          title={`Weight of ${provider}`}
          action="Set weight"
          onConfirm={(form) =>
            act('weight', { weight: Number(form.get('weight')), ttlMs: minutes(form.get('minutes')) })
          }
          onClose={onClose}
        >
          <p>In place of the file’s weight, for a while. 0 leaves it for failover alone.</p>
          <div class="fields">
            <label class="field">
              <span>Weight</span>
              <input name="weight" type="number" min="0" max="1000000" step="any" required autofocus />
            </label>
            <label class="field">
              <span>For minutes</span>
              <input name="minutes" type="number" min="1" max="1440" value="10" required />
            </label>
          </div>
        </Confirm>
      );
    case 'chaos':
      return <ChaosDialog provider={provider} onDone={onDone} onClose={onClose} />;
  }
}

function minutes(value: FormDataEntryValue | null): number {
  return Number(value) * 60_000;
}
