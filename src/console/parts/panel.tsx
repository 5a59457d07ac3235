import { type ComponentChildren } from 'preact';
import { type Answer } from '../data/use-route';

interface PanelProps {
  readonly id: string;
  readonly title: string;
  /** What stands beside the title: a count, a filter, a button. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A titled part of the screen. */
export function Panel({ id, title, aside, children }: PanelProps) {
  return (
    <section class={`panel panel-${id}`} id={id} aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside !== undefined && <div class="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** What a panel shows in place of content. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

interface AnsweredProps<Data> {
  readonly answer: Answer<Data>;
  readonly children: (data: Data) => ComponentChildren;
}

/** An answer's content, or why there is none. */
export function Answered<Data>({ answer, children }: AnsweredProps<Data>) {
  switch (answer.state) {
    case 'ready':
      return <>{children(answer.data)}</>;
    case 'loading':
      return <Empty>Reading…</Empty>;
    case 'absent':
      return <Empty>Not available in this version of the gateway.</Empty>;
    case 'failed':
      return <Empty>{answer.reason}</Empty>;
  }
}
