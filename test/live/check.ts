import { type Lab } from './lab.js';

/** One promise of the gateway, tried on a live engine. */
export interface Check {
  readonly name: string;
  /** @returns what was seen, for the table. @throws where the promise was broken, or `Skipped` */
  readonly run: (lab: Lab) => Promise<string>;
}

/** The engine cannot show it: no failure of the gateway. */
export class Skipped extends Error {}
