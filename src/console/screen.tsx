import { useState } from 'preact/hooks';
import { type Chaos } from './data/experiments';
import { useChoices } from './data/use-configuration';
import { useRoute } from './data/use-route';
import { type Live, useStatus } from './data/use-status';
import { shortVersion, time } from './format';
import { Audit } from './panels/audit';
import { Configuration } from './panels/configuration';
import { Experiments } from './panels/experiments';
import { Explain } from './panels/explain';
import { Keys } from './panels/keys';
import { Objectives } from './panels/objectives';
import { Playground } from './panels/playground';
import { Requests } from './panels/requests';
import { Targets } from './panels/targets';
import { Traffic } from './panels/traffic';
import { Badge } from './parts/badge';
import { applyTheme, storedTheme, type Theme, THEMES } from './theme';

const PLACES = ['objectives', 'traffic', 'targets', 'requests', 'keys', 'playground', 'configuration'] as const;

/** Everything at a glance, and the means to act. */
export function Screen({ onLeave }: { onLeave: () => void }) {
  const live = useStatus();
  const version = live.status?.config.version;
  const choices = useChoices(version);
  const [experiments, refreshExperiments] = useRoute<Chaos>('chaos', 2_000);
  return (
    <>
      <a class="skip" href="#targets">
        Skip to targets
      </a>
      <div class="top">
        <Head live={live} onLeave={onLeave} />
        {live.lostAt !== undefined && (
          <p class="outage" role="alert">
            The gateway does not answer since {time(live.lostAt)}. What follows is the last that was heard.
          </p>
        )}
      </div>
      <main class={live.lostAt === undefined ? 'screen' : 'screen stale'}>
        <h1 class="hidden">Console of the gateway</h1>
        <Objectives />
        <Traffic seconds={live.seconds} />
        <Targets
          status={live.status}
          chaos={experiments.state === 'ready' && experiments.data.enabled}
          onChaos={refreshExperiments}
        />
        <Experiments answer={experiments} onChange={refreshExperiments} />
        <Requests />
        <Keys />
        <Explain choices={choices} />
        <Playground choices={choices} />
        <div class="column">
          <Configuration version={version} />
          <Audit />
        </div>
      </main>
    </>
  );
}

function Head({ live: { status, lostAt }, onLeave }: { readonly live: Live; onLeave: () => void }) {
  return (
    <header class="head">
      <span class="brand">SRE Inference Gateway</span>
      <div class="state" role="status">
        <State status={status} lost={lostAt !== undefined} />
      </div>
      {status && (
        <dl class="vitals">
          <div>
            <dt>in flight</dt>
            <dd class="mono">{status.inFlight}</dd>
          </div>
          <div>
            <dt>load level</dt>
            <dd class={`mono ${levelClass(status.load.level)}`} title={status.load.causes.join(', ')}>
              {status.load.level} of 4
            </dd>
          </div>
          <div>
            <dt>config</dt>
            <dd class="mono">{shortVersion(status.config.version)}</dd>
          </div>
        </dl>
      )}
      <nav aria-label="Parts of the screen">
        {PLACES.map((place) => (
          <a key={place} href={`#${place}`}>
            {place}
          </a>
        ))}
      </nav>
      <ThemeChoice />
      <button onClick={() => onLeave()}>Log out</button>
    </header>
  );
}

function levelClass(level: number): string {
  if (level === 0) return '';
  return level > 2 ? 'text-bad' : 'text-warn';
}

function State({ status, lost }: { readonly status: Live['status']; readonly lost: boolean }) {
  if (lost) return <Badge tone="bad">unreachable</Badge>;
  if (!status) return <Badge tone="plain">connecting</Badge>;
  return status.draining ? <Badge tone="warn">draining</Badge> : <Badge tone="good">serving</Badge>;
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  const choose = (chosen: Theme): void => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  return (
    <label class="inline-field">
      <span class="hidden">Theme</span>
      <select value={theme} onChange={({ currentTarget }) => choose(currentTarget.value as Theme)}>
        {THEMES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
