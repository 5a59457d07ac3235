import { useContext, useRef, useState } from 'preact/hooks';
import { type Api, reasonOf } from '../data/api';
import { ApiContext } from '../data/api-context';
import { type ChatDelta, deltaOf } from '../data/chat-stream';
import { type Flight } from '../data/observations';
import { eventsOf } from '../data/server-sent-events';
import { type Choices } from '../data/use-configuration';
import { Badge } from '../parts/badge';
import { Empty, Panel } from '../parts/panel';
import { Detail } from './requests';

interface Run {
  readonly text: string;
  readonly running: boolean;
  readonly problem?: string;
  readonly provider?: string;
  readonly failed?: string;
  readonly flight?: Flight;
}

/** How long the gateway may take to remember a request that ended, ms. */
const REMEMBERED_AFTER_MS = 150;

/** A completion through the whole gateway, streamed, and the way it took. */
export function Playground({ choices }: { readonly choices: Choices }) {
  const api = useContext(ApiContext);
  const [run, setRun] = useState<Run>();
  const stop = useRef<AbortController>(undefined);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    stop.current?.abort();
    stop.current = new AbortController();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void complete(api, form, stop.current.signal, (change) => setRun((now) => change(now ?? EMPTY)));
  };
  return (
    <Panel id="playground" title="Playground" aside={<span class="muted">spends under your own key</span>}>
      <form class="playground-form" onSubmit={submit}>
        <div class="fields">
          <label class="field">
            <span>Model</span>
            <select name="model">
              {choices.models.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>First provider</span>
            <select name="pin">
              <option value="">by weight</option>
              {choices.providers.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Most tokens</span>
            <input name="tokens" type="number" min="1" max="100000" defaultValue="64" required />
          </label>
        </div>
        <label class="field">
          <span>Prompt</span>
          <textarea name="prompt" rows={2} required defaultValue="Hello, world!" />
        </label>
        <div class="form-actions">
          {run?.running === true && (
            <button type="button" onClick={() => stop.current?.abort()}>
              Stop
            </button>
          )}
          <button class="primary" disabled={run?.running === true}>
            Send
          </button>
        </div>
      </form>
      {run ? <Answer run={run} /> : <Empty>The answer streams here, with the way it took.</Empty>}
    </Panel>
  );
}

const EMPTY: Run = { text: '', running: false };

function Answer({ run: { text, running, problem, provider, failed, flight } }: { readonly run: Run }) {
  return (
    <div class="answer">
      <div class="answer-route">
        {provider !== undefined && <Badge tone="good">{provider}</Badge>}
        {failed !== undefined && <Badge tone="bad">failed before: {failed}</Badge>}
        {running && <span class="muted">streaming…</span>}
      </div>
      <div class="answer-text" role="log" aria-label="Answer">
        {text}
      </div>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {flight && <Detail flight={flight} />}
    </div>
  );
}

type Change = (change: (run: Run) => Run) => void;

async function complete(api: Api, form: FormData, signal: AbortSignal, change: Change): Promise<void> {
  change(() => ({ text: '', running: true }));
  const requestId = `console-${crypto.randomUUID()}`;
  try {
    const headers = headersOf(form, requestId);
    const response = await api.open('POST', 'playground', { body: requestOf(form), headers, signal });
    change((run) => ({ ...run, ...routeOf(response.headers) }));
    if (response.body) {
      for await (const event of eventsOf(response.body)) change((run) => extended(run, deltaOf(event)));
    }
  } catch (error) {
    if (!signal.aborted) change((run) => ({ ...run, problem: reasonOf(error) }));
  }
  change((run) => ({ ...run, running: false }));
  await new Promise((resolve) => setTimeout(resolve, REMEMBERED_AFTER_MS));
  const flight = await api.get<Flight>(`requests/${requestId}`).catch(() => undefined);
  if (flight) change((run) => ({ ...run, flight }));
}

function extended(run: Run, { text, error }: ChatDelta): Run {
  return { ...run, text: run.text + text, ...(error !== undefined && { problem: error }) };
}

function requestOf(form: FormData): object {
  return {
    model: form.get('model'),
    stream: true,
    max_tokens: Number(form.get('tokens')),
    messages: [{ role: 'user', content: form.get('prompt') }],
  };
}

function headersOf(form: FormData, requestId: string): Record<string, string> {
  const pin = form.get('pin');
  return { 'x-request-id': requestId, ...(typeof pin === 'string' && pin !== '' && { 'x-provider-priority': pin }) };
}

function routeOf(headers: Headers): Partial<Run> {
  const [provider, failed] = [headers.get('x-gateway-provider'), headers.get('x-gateway-failed-providers')];
  return { ...(provider !== null && { provider }), ...(failed !== null && { failed }) };
}
