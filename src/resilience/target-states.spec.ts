import { describe, expect, it } from 'vitest';
import { ConfigStore } from '../config/config-store.js';
import { loadEnvironment } from '../config/env.js';
import { PROVIDER_KINDS } from '../config/provider-kinds.js';
import { breakerTransitions } from '../kernel/channels.js';
import { type Target } from '../kernel/snapshot.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { targetOf } from '../../test/support/target.js';
import { TargetStates } from './target-states.js';

const file = (address: string, max: number): string => `version: 1
providers:
  - name: p
    kind: openai
    baseUrl: https://${address}/v1
    concurrency: { limiter: fixed, initial: ${max}, min: 1, max: ${max} }
models: [{ name: m, targets: [{ provider: p, model: m }] }, { name: n, targets: [{ provider: p, model: m }] }]`;

async function states(): Promise<{ config: ConfigStore; states: TargetStates; target: () => Target }> {
  const clock = new ManualClock();
  const text = file('one.test', 4);
  const config = new ConfigStore({ env: loadEnvironment({}), kinds: PROVIDER_KINDS, clock, readFile: () => text });
  await config.load();
  const target = (): Target => config.current.models.get('m')!.targets[0]!;
  return { config, states: new TargetStates(config, clock), target };
}

describe('TargetStates', () => {
  it('keeps one state for a target that two models name', async () => {
    const { config, states: all, target } = await states();
    expect(all.of(target())).toBe(all.of(config.current.models.get('n')!.targets[0]!));
    expect([...all.all()]).toHaveLength(1);
  });

  it('keeps the state over a reload, with the new settings', async () => {
    const { config, states: all, target } = await states();
    const [old, state] = [target(), all.of(target())];
    expect((await config.reload(file('one.test', 9))).result).toBe('applied');
    expect(all.of(target())).toBe(state);
    expect(all.of(old)).toBe(state);
    expect(state.limiter.limit).toBe(9);
    expect(state.target.provider).toBe(target().provider);
  });

  it('begins anew at another address, while older requests keep what they have', async () => {
    const { config, states: all, target } = await states();
    const [old, state] = [target(), all.of(target())];
    await config.reload(file('two.test', 4));
    expect(all.of(target())).not.toBe(state);
    expect(all.of(old)).toBe(state);
    expect([...all.all()]).toHaveLength(1);
  });

  it('tells of every breaker transition', async () => {
    const { states: all, target } = await states();
    const heard: string[] = [];
    const stop = breakerTransitions.subscribe(({ target: { id }, to }) => heard.push(`${id} ${to}`));
    const { breaker } = all.of(target());
    for (let fault = 0; fault < 5; fault++) breaker.record(breaker.tryAcquire(1_000), 'fault');
    stop();
    expect(heard).toEqual(['p/m open']);
  });

  it('knows no target of a configuration that was never in force', async () => {
    const { states: all } = await states();
    expect(() => all.of(targetOf('openai'))).toThrow('no state for target');
  });
});
