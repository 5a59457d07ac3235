import { type Objective, type SloWindow } from '../data/observations';
import { useRoute } from '../data/use-route';
import { amount, percent } from '../format';
import { type Tone } from '../parts/badge';
import { Meter } from '../parts/meter';
import { Answered, Panel } from '../parts/panel';

const NAMES: Readonly<Record<string, string>> = {
  availability: 'Availability',
  critical: 'Critical',
  stream: 'Whole streams',
  first_token: 'First token',
  added_latency: 'Added latency',
};
/** That of 3 days is the budget itself. */
const WINDOWS: readonly SloWindow[] = ['5m', '1h', '6h'];
/** The speeds at which the shipped alerts call somebody: for minutes, and for hours. */
const PAGE = 14.4;
const TICKET = 1;

/** How much may still go wrong, and how fast it is being used up. */
export function Objectives() {
  const [answer] = useRoute<{ objectives: Objective[] }>('slo', 5_000);
  return (
    <Panel id="objectives" title="Error budget" aside={<span class="muted">this process, at most 3 days</span>}>
      <Answered answer={answer}>
        {({ objectives }) => (
          <table class="objectives">
            <thead>
              <tr>
                <th scope="col">Objective</th>
                <th scope="col">Budget left</th>
                {WINDOWS.map((window) => (
                  <th key={window} scope="col" class="number">
                    <span class={window === '5m' ? '' : 'hidden'}>Burn </span>
                    {window}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {objectives.map((objective) => (
                <Row key={objective.slo} objective={objective} />
              ))}
            </tbody>
          </table>
        )}
      </Answered>
    </Panel>
  );
}

function Row({ objective: { slo, objective, windows, errorBudgetRemaining } }: { readonly objective: Objective }) {
  const name = NAMES[slo] ?? slo;
  const unused = windows['3d'].good + windows['3d'].bad === 0;
  return (
    <tr>
      <th scope="row">
        {name}
        <span class="muted mono"> {percent(objective, objective > 0.99 ? 2 : 0)}</span>
      </th>
      <td>
        <div class="budget">
          <Meter
            label={`Error budget left of ${name}`}
            share={errorBudgetRemaining}
            tone={budgetTone(errorBudgetRemaining)}
          />
          <span class={`mono ${unused ? 'muted' : ''}`}>{unused ? 'unused' : percent(errorBudgetRemaining)}</span>
        </div>
      </td>
      {WINDOWS.map((window) => (
        <td key={window} class={`number mono ${burnClass(windows[window].burnRate)}`}>
          {amount(windows[window].burnRate)}
        </td>
      ))}
    </tr>
  );
}

function budgetTone(left: number): Tone {
  if (left <= 0.1) return 'bad';
  return left <= 0.5 ? 'warn' : 'good';
}

function burnClass(rate: number): string {
  if (rate >= PAGE) return 'text-bad';
  return rate > TICKET ? 'text-warn' : '';
}
