import { useRoute } from './use-route';

/** What forms offer: names of the configuration in force. */
export interface Choices {
  readonly models: readonly string[];
  readonly providers: readonly string[];
  readonly keys: readonly string[];
}

interface Configuration {
  readonly models: Readonly<Record<string, unknown>>;
  readonly providers: Readonly<Record<string, unknown>>;
  readonly keys: readonly { readonly principal: { readonly keyId: string } }[];
}

/** Read anew for each version; empty until it is read. */
export function useChoices(version: string | undefined): Choices {
  const [answer] = useRoute<Configuration>(`config?of=${version ?? ''}`, 0);
  if (answer.state !== 'ready') return { models: [], providers: [], keys: [] };
  const { models, providers, keys } = answer.data;
  return {
    models: Object.keys(models),
    providers: Object.keys(providers),
    keys: keys.map(({ principal }) => principal.keyId),
  };
}
