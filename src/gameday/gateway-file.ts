import { type Scenario } from './scenario.js';

/** What callers of a game day ask for. */
export const GAMEDAY_MODEL = 'gameday';
/** What one may spend in a game day, USD: plenty. */
const BUDGET_USD = 1_000;

/** The gateway file of a game day, as an object. */
export function gatewayFile(
  { upstreams, gateway }: Scenario,
  urls: ReadonlyMap<string, string>,
  keys: { readonly admin: string; readonly caller: string },
): Readonly<Record<string, unknown>> {
  return {
    version: 1,
    auth: {
      keys: [
        { id: 'operator', secret: keys.admin, role: 'admin' },
        {
          id: 'caller',
          secret: keys.caller,
          budgets: [{ scope: 'key', window: '1d', usd: BUDGET_USD }],
          budgetOnRedisDown: 'allow',
        },
      ],
    },
    providers: upstreams.map(({ name, tier, provider }) => ({
      name,
      kind: 'openai',
      baseUrl: urls.get(name),
      allowPrivate: true,
      tier,
      ...provider,
    })),
    models: [
      {
        name: GAMEDAY_MODEL,
        targets: upstreams.map(({ name }) => ({ provider: name, model: 'mock-model' })),
        price: { inputPerMillion: 1, outputPerMillion: 3 },
      },
    ],
    resilience: {
      // The machine also runs the callers and the upstreams: its own load is not what is played.
      shedding: { enabled: false },
      ...gateway.resilience,
    },
    chaos: { enabled: true },
  };
}
