import { useContext, useState } from 'preact/hooks';
import { reasonOf } from '../data/api';
import { ApiContext } from '../data/api-context';
import { type Candidate, type Explanation } from '../data/observations';
import { type Choices } from '../data/use-configuration';
import { amount, percent, usd } from '../format';
import { Badge } from '../parts/badge';
import { Empty, Panel } from '../parts/panel';

/** What would happen to a request now, and why. */
export function Explain({ choices }: { readonly choices: Choices }) {
  const api = useContext(ApiContext);
  const [answer, setAnswer] = useState<Explanation>();
  const [problem, setProblem] = useState<string>();
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => {
      const value = form.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    const question = {
      request: { model: text('model'), messages: [{ role: 'user', content: text('prompt') }] },
      ...(text('key') !== '' && { keyId: text('key') }),
      ...(text('pins') !== '' && { headers: { 'X-Provider-Priority': text('pins') } }),
    };
    api.send<Explanation>('POST', 'explain', question).then(
      (explanation) => {
        setAnswer(explanation);
        setProblem(undefined);
      },
      (error: unknown) => {
        setAnswer(undefined);
        setProblem(reasonOf(error));
      },
    );
  };
  return (
    <Panel id="explain" title="Explain" aside={<span class="muted">reserves and sends nothing</span>}>
      <form class="fields" onSubmit={ask}>
        <label class="field">
          <span>Model</span>
          <select name="model">
            {choices.models.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Key</span>
          <select name="key">
            <option value="">anonymous</option>
            {choices.keys.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>X-Provider-Priority</span>
          <input name="pins" placeholder="none" spellcheck={false} />
        </label>
        <label class="field grow">
          <span>Prompt</span>
          <input name="prompt" defaultValue="Hello, world!" />
        </label>
        <button class="primary">Explain</button>
      </form>
      <div aria-live="polite">
        {problem !== undefined && <p class="problem">{problem}</p>}
        {answer ? (
          <Verdict explanation={answer} />
        ) : (
          problem === undefined && <Empty>Ask what would become of a request.</Empty>
        )}
      </div>
    </Panel>
  );
}

function Verdict({ explanation: { verdict, estimate, candidates } }: { readonly explanation: Explanation }) {
  const { outcome, step, status, error } = verdict;
  return (
    <>
      <p class="verdict">
        {outcome === 'ok' && <Badge tone="good">would be served</Badge>}
        {outcome === 'queue' && <Badge tone="warn">would wait in the queue</Badge>}
        {outcome === 'refused' && (
          <>
            <Badge tone="bad">
              refused at {step}: {status}
            </Badge>{' '}
            {error?.message}
          </>
        )}
        {estimate && (
          <span class="muted">
            at most {amount(estimate.promptTokens)} + {amount(estimate.outputTokens)} tokens,{' '}
            {usd(estimate.costNanoUsd / 1e9)}
          </span>
        )}
      </p>
      {candidates && candidates.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Place</th>
              <th scope="col">Target</th>
              <th scope="col" class="number">
                Tier
              </th>
              <th scope="col" class="number">
                Chance
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {[...candidates].sort(byPlace).map((candidate) => (
              <tr key={candidate.id}>
                <td class="mono">{candidate.place === null ? '–' : candidate.place + 1}</td>
                <td class="mono">{candidate.id}</td>
                <td class="number mono">{candidate.tier}</td>
                <td class="number mono">{candidate.share === null ? '–' : percent(candidate.share)}</td>
                <td>
                  <Reasons candidate={candidate} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Reasons({ candidate: { eligible, excludedBy, remarks } }: { readonly candidate: Candidate }) {
  return (
    <>
      {eligible && <Badge tone="good">eligible</Badge>}
      {excludedBy.map((reason) => (
        <Badge key={reason} tone="bad">
          {reason.replaceAll('_', ' ')}
        </Badge>
      ))}
      {remarks.map((remark) => (
        <Badge key={remark} tone="plain">
          {remark.replaceAll('_', ' ')}
        </Badge>
      ))}
    </>
  );
}

function byPlace(one: Candidate, other: Candidate): number {
  return (one.place ?? Infinity) - (other.place ?? Infinity);
}
