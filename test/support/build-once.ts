import { build } from '../../scripts/build.mjs';

/** The end-to-end tests run what users run: the compiled gateway. */
export function setup(): void {
  build();
}
