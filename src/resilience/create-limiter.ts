import { type Clock } from '../kernel/clock.js';
import { type ConcurrencySettings, type Hosting } from '../kernel/snapshot.js';
import { AimdLimit } from './aimd-limit.js';
import { FixedLimit } from './fixed-limit.js';
import { Gradient2Limit } from './gradient2-limit.js';
import { Limiter, type LimitAlgorithm } from './limiter.js';

/** The limiter of a target: `auto` is Gradient2 for engines that we own and AIMD for hosted ones. */
export function createLimiter(clock: Clock, settings: ConcurrencySettings, hosting: Hosting): Limiter {
  return new Limiter(createAlgorithm(clock, settings, hosting));
}

function createAlgorithm(clock: Clock, settings: ConcurrencySettings, hosting: Hosting): LimitAlgorithm {
  switch (settings.limiter) {
    case 'fixed':
      return new FixedLimit(clock, settings);
    case 'gradient':
      return new Gradient2Limit(clock, settings);
    case 'aimd':
      return new AimdLimit(clock, settings);
    case 'auto':
      return hosting === 'selfHosted' ? new Gradient2Limit(clock, settings) : new AimdLimit(clock, settings);
  }
}
