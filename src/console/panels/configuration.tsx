import { useContext, useEffect, useState } from 'preact/hooks';
import { reasonOf } from '../data/api';
import { ApiContext } from '../data/api-context';
import { type Candidate, type ConfigHistory, type ConfigVersion } from '../data/answers';
import { useRoute } from '../data/use-route';
import { moment, shortVersion } from '../format';
import { Badge, type Tone } from '../parts/badge';
import { Confirm } from '../parts/confirm';
import { Answered, Panel } from '../parts/panel';

const TONES: Readonly<Record<ConfigVersion['result'], Tone>> = { started: 'plain', applied: 'good', rejected: 'bad' };

/** Versions that were in force, the way back to one, and what another file would change. */
export function Configuration({ version }: { readonly version: string | undefined }) {
  const api = useContext(ApiContext);
  const [answer, refresh] = useRoute<ConfigHistory>('config/history', 10_000);
  const [asked, setAsked] = useState<ConfigVersion | 'reload'>();
  useEffect(refresh, [version]);
  const change = async (path: string, body?: unknown): Promise<void> => {
    const { problems } = await api.send<{ problems: string[] }>('POST', path, body);
    refresh();
    if (problems.length > 0) throw new TypeError(problems.join('\n'));
  };
  return (
    <Panel
      id="configuration"
      title="Configuration"
      aside={<button onClick={() => setAsked('reload')}>Reload file</button>}
    >
      <Answered answer={answer}>
        {({ current, versions }) => (
          <ul class="rows history" tabIndex={0} aria-label="Versions, newest first">
            {versions.map((entry) => (
              <li key={`${entry.at}${entry.version}`}>
                <div>
                  <span class="mono">{moment(entry.at)}</span> <Badge tone={TONES[entry.result]}>{entry.result}</Badge>{' '}
                  <span class="mono">{shortVersion(entry.version)}</span> <span class="muted">by {entry.who}</span>
                  {entry.problems.map((problem) => (
                    <div key={problem} class="problem-line mono">
                      {problem}
                    </div>
                  ))}
                </div>
                {entry.version === current
                  ? entry.result !== 'rejected' && <span class="muted">in force</span>
                  : entry.result !== 'rejected' && (
                      <button
                        onClick={() => setAsked(entry)}
                        aria-label={`Roll back to ${shortVersion(entry.version)}`}
                      >
                        Roll back
                      </button>
                    )}
              </li>
            ))}
          </ul>
        )}
      </Answered>
      <Comparison />
      {asked === 'reload' && (
        <Confirm
          title="Read the file again?"
          action="Reload"
          onConfirm={() => change('config/reload')}
          onClose={() => setAsked(undefined)}
        >
          <p>A bad file is refused, and the version in force stays. Requests in flight finish on theirs.</p>
        </Confirm>
      )}
      {asked !== undefined && asked !== 'reload' && (
        <Confirm
          title={`Roll back to ${shortVersion(asked.version)}?`}
          action="Roll back"
          danger
          onConfirm={() => change('config/rollback', { version: asked.version })}
          onClose={() => setAsked(undefined)}
        >
          <p>The file stays as it is, and its next change counts again. Other replicas keep their version.</p>
        </Confirm>
      )}
    </Panel>
  );
}

/** What a candidate would change, in words; changes nothing. */
function Comparison() {
  const api = useContext(ApiContext);
  const [text, setText] = useState('');
  const [outcome, setOutcome] = useState<Candidate | string>();
  const compare = (event: SubmitEvent): void => {
    event.preventDefault();
    api.send<Candidate>('POST', 'config/validate', { config: text }).then(setOutcome, (error: unknown) => {
      setOutcome(reasonOf(error));
    });
  };
  return (
    <details class="comparison">
      <summary>Compare a file with the version in force</summary>
      <form onSubmit={compare}>
        <label class="field">
          <span>Candidate (YAML)</span>
          <textarea
            rows={6}
            class="mono"
            spellcheck={false}
            required
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <div class="form-actions">
          <input
            type="file"
            accept=".yaml,.yml"
            aria-label="Read the candidate from a file"
            onChange={({ currentTarget }) => void currentTarget.files?.[0]?.text().then(setText)}
          />
          <button class="primary">Compare</button>
        </div>
      </form>
      <div aria-live="polite">{outcome !== undefined && <Outcome outcome={outcome} />}</div>
    </details>
  );
}

function Outcome({ outcome }: { readonly outcome: Candidate | string }) {
  if (typeof outcome === 'string') return <p class="problem">{outcome}</p>;
  const { valid, changes, warnings, problems } = outcome;
  const lines = valid ? changes : problems;
  return (
    <>
      <p>
        {valid ? <Badge tone="good">would be accepted</Badge> : <Badge tone="bad">would be refused</Badge>}{' '}
        {valid && changes.length === 0 && 'It changes nothing.'}
      </p>
      <ul class="lines mono">
        {[...lines, ...warnings].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </>
  );
}
