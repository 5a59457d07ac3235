import { useMemo, useState } from 'preact/hooks';
import { Api } from './data/api';
import { ApiContext } from './data/api-context';
import { LogIn } from './log-in';
import { Screen } from './screen';
import { forgetKey, rememberKey, storedKey } from './session';

/** The log-in form, or the screen of whoever is logged in. */
export function Console() {
  const [key, setKey] = useState(storedKey);
  const [message, setMessage] = useState<string>();
  const leave = (reason?: string): void => {
    forgetKey();
    setKey(undefined);
    setMessage(reason);
  };
  const api = useMemo(() => (key === undefined ? undefined : new Api(key, leave)), [key]);
  const enter = (given: string): void => {
    rememberKey(given);
    setMessage(undefined);
    setKey(given);
  };
  if (!api) return <LogIn message={message} onKey={enter} />;
  return (
    <ApiContext.Provider value={api}>
      <Screen onLeave={leave} />
    </ApiContext.Provider>
  );
}
