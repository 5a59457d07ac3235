import { createContext } from 'preact';
import { Api } from './api';

/** The operations API of whoever is logged in. */
export const ApiContext = createContext(new Api('', () => undefined));
