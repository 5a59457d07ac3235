import { expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { PROVIDER_KINDS } from '../config/provider-kinds.js';
import { ProviderCatalog } from './catalog.js';

it('knows the same kinds of providers where a file is checked as where requests are sent', () => {
  expect(new ProviderCatalog(new ManualClock()).list()).toEqual(PROVIDER_KINDS);
});
