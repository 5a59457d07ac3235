import { type ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { reasonOf } from '../data/api';

interface ConfirmProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** The verb of the button that does it. */
  readonly action: string;
  readonly danger?: boolean;
  /** What is asked for: resolves when it is done, and rejects with the reason to show. */
  readonly onConfirm: (form: FormData) => Promise<unknown>;
  readonly onClose: () => void;
}

/** A modal question before something changes; the browser's own dialog keeps the focus and takes Escape. */
export function Confirm({ title, children, action, danger = false, onConfirm, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    setBusy(true);
    onConfirm(new FormData(event.currentTarget as HTMLFormElement)).then(onClose, (error: unknown) => {
      setProblem(reasonOf(error));
      setBusy(false);
    });
  };
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="confirm-title">{title}</h2>
        <div class="dialog-body">{children}</div>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class={danger ? 'danger' : 'primary'} disabled={busy}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
