import { useState } from 'preact/hooks';
import { useRoute } from '../data/use-route';
import { amount, moment, percent, usd } from '../format';
import { type Tone } from '../parts/badge';
import { Meter } from '../parts/meter';
import { Answered, Empty, Panel } from '../parts/panel';

interface Level {
  /** A minute's allowance. */
  readonly limit: number;
  /** What may be taken at once now. */
  readonly remaining: number;
  /** Until what was taken has grown back. */
  readonly resetMs: number;
}

interface Budget {
  readonly scope: string;
  readonly window: string;
  readonly limitUsd: string;
  readonly spentUsd: string;
  readonly reservedUsd: string;
  readonly resetsAt: string;
}

interface Usage {
  readonly key?: string;
  readonly team?: string | null;
  readonly org: string;
  readonly keys?: readonly string[];
  readonly limits?: { readonly concurrentRequests?: number };
  readonly concurrentRequests?: number;
  readonly requests?: Level | null;
  readonly tokens?: Level | null;
  readonly budgets: readonly Budget[];
}

const MINUTE_MS = 60_000;
const HOLDERS = ['key', 'team', 'org'] as const;
type Holder = (typeof HOLDERS)[number];

/** What keys, teams and orgs have used of what they may use. */
export function Keys() {
  const [by, setBy] = useState<Holder>('key');
  const [answer] = useRoute<{ entries: Usage[] }>(`usage?by=${by}`, 5_000);
  return (
    <Panel
      id="keys"
      title="Usage"
      aside={
        <div class="choice" role="group" aria-label="Usage by">
          {HOLDERS.map((holder) => (
            <button key={holder} aria-pressed={by === holder} onClick={() => setBy(holder)}>
              {holder}
            </button>
          ))}
        </div>
      }
    >
      <Answered answer={answer}>
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty>No {by} is configured.</Empty>
          ) : (
            <ul class="rows usage" tabIndex={0} aria-label={`Usage by ${by}`}>
              {entries.map((usage) => (
                <Entry key={nameOf(usage) + usage.org} usage={usage} />
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

function nameOf({ key, team, org }: Usage): string {
  return key ?? team ?? org;
}

function Entry({ usage }: { readonly usage: Usage }) {
  const { org, keys, requests, tokens, concurrentRequests, limits, budgets } = usage;
  const name = nameOf(usage);
  const unlimited = !requests && !tokens && budgets.length === 0 && limits?.concurrentRequests === undefined;
  return (
    <li>
      <div class="usage-name">
        <span class="strong mono">{name}</span>
        <span class="muted">{keys ? `${keys.length} ${keys.length === 1 ? 'key' : 'keys'}` : `org ${org}`}</span>
      </div>
      <div class="usage-bars">
        {unlimited && <span class="muted">no limit, no budget</span>}
        {requests && <Rate name="requests" owner={name} level={requests} />}
        {tokens && <Rate name="tokens" owner={name} level={tokens} />}
        {limits?.concurrentRequests !== undefined && (
          <Bar name="at once" owner={name} used={concurrentRequests ?? 0} of={limits.concurrentRequests} />
        )}
        {budgets.map((budget) => (
          <Money key={`${budget.scope}${budget.window}${budget.limitUsd}`} owner={name} budget={budget} />
        ))}
      </div>
    </li>
  );
}

/** What was taken and has not grown back, of what may be taken at once. */
function Rate({ name, owner, level }: { readonly name: string; readonly owner: string; readonly level: Level }) {
  const taken = Math.round((level.resetMs * level.limit) / MINUTE_MS);
  return <Bar name={name} owner={owner} used={taken} of={taken + level.remaining} rate={level.limit} />;
}

interface BarProps {
  readonly name: string;
  readonly owner: string;
  readonly used: number;
  readonly of: number;
  /** What grows back in a minute. */
  readonly rate?: number;
}

function Bar({ name, owner, used, of, rate }: BarProps) {
  const share = used / Math.max(1, of);
  return (
    <div class="usage-bar">
      <span class="muted">{name}</span>
      <Meter label={`${name} of ${owner} in use`} share={share} tone={toneOf(share)} />
      <span class="mono">
        {amount(used)} / {amount(of)}
        {rate !== undefined && <span class="muted">, {amount(rate)} a min</span>}
      </span>
    </div>
  );
}

function Money({ owner, budget }: { readonly owner: string; readonly budget: Budget }) {
  const { scope, window } = budget;
  const [limit, spent, reserved] = [budget.limitUsd, budget.spentUsd, budget.reservedUsd].map(Number) as [
    number,
    number,
    number,
  ];
  const share = limit === 0 ? 1 : spent / limit;
  return (
    <div class="usage-bar" title={`spent ${percent(share, 1)}; resets ${moment(Date.parse(budget.resetsAt))}`}>
      <span class="muted">
        {scope} {window}
      </span>
      <Meter
        label={`Budget of ${owner}: ${scope}, ${window}`}
        share={share}
        held={limit === 0 ? 0 : reserved / limit}
        tone={toneOf(share)}
      />
      <span class="mono">
        {usd(spent)}
        {reserved > 0 && <span class="muted"> + {usd(reserved)} held</span>} / {usd(limit)}
      </span>
    </div>
  );
}

function toneOf(share: number): Tone {
  if (share >= 1) return 'bad';
  return share >= 0.8 ? 'warn' : 'plain';
}
