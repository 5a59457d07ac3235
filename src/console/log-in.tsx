import { useState } from 'preact/hooks';
import { Api, ApiError, reasonOf } from './data/api';

/** Asks for an admin key, and takes it only when the gateway does. */
export function LogIn({ message, onKey }: { readonly message: string | undefined; onKey: (key: string) => void }) {
  const [problem, setProblem] = useState(message);
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get('key');
    if (typeof key !== 'string' || key.trim() === '') return;
    setBusy(true);
    new Api(key.trim(), () => undefined)
      .get('status')
      .then(
        () => onKey(key.trim()),
        (error: unknown) => setProblem(refusalOf(error)),
      )
      .finally(() => setBusy(false));
  };
  return (
    <main class="log-in">
      <form class="panel" onSubmit={submit} aria-labelledby="log-in-title">
        <h1 id="log-in-title">SRE Inference Gateway</h1>
        <p class="muted">The operators’ console. It opens with the key of an admin and keeps it in this tab alone.</p>
        <label class="field">
          <span>Admin key</span>
          <input name="key" type="password" autocomplete="current-password" spellcheck={false} autofocus required />
        </label>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <button class="primary" disabled={busy}>
          {busy ? 'Asking…' : 'Open console'}
        </button>
      </form>
    </main>
  );
}

function refusalOf(error: unknown): string {
  const denied = error instanceof ApiError && error.code === 'permission_denied';
  return denied ? 'This key is not an admin’s.' : reasonOf(error);
}
