import { type AuditEntry } from '../data/answers';
import { useRoute } from '../data/use-route';
import { moment } from '../format';
import { Answered, Empty, Panel } from '../parts/panel';

/** Characters of one detail; the log line has all. */
const LONGEST = 36;

/** Who changed what. */
export function Audit() {
  const [answer] = useRoute<{ entries: AuditEntry[] }>('audit-log', 5_000);
  return (
    <Panel id="audit" title="Changes by operators" aside={<span class="muted">since the start of this process</span>}>
      <Answered answer={answer}>
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty>Nobody changed anything yet.</Empty>
          ) : (
            <ul class="rows audit" tabIndex={0} aria-label="Changes, newest first">
              {entries.map(({ at, who, what, details }) => (
                <li key={`${at}${what}`}>
                  <div>
                    <span class="mono">{moment(at)}</span> <span class="strong">{what}</span>{' '}
                    <span class="mono">{wordsOf(details)}</span>
                  </div>
                  <span class="muted mono">{who}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

function wordsOf(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}=${short(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join(' ');
}

function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
