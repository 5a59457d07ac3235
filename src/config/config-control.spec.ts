import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigControl } from './config-control.js';
import { ConfigStore } from './config-store.js';
import { loadEnvironment } from './env.js';
import { PROVIDER_KINDS } from './provider-kinds.js';

const file = (model: string): string =>
  `version: 1\nproviders: [{ name: a, kind: simulated }]\nmodels: [{ name: ${model}, targets: [{ provider: a, model: x }] }]\n`;

async function rig(): Promise<{ store: ConfigStore; control: ConfigControl }> {
  let now = 0;
  const clock = { wall: () => ++now };
  const env = loadEnvironment({});
  const store = new ConfigStore({ env, kinds: PROVIDER_KINDS, clock, readFile: () => file('first') });
  await store.load();
  return { store, control: new ConfigControl(store, clock) };
}

beforeAll(() => Logger.overrideLogger(false));

describe('changes of the configuration in force', () => {
  it('are remembered newest first, with who asked and why one was refused', async () => {
    const { store, control } = await rig();
    const first = store.current.version;
    await control.reload('file', file('second'));
    await control.reload('SIGHUP', 'version: 2');
    expect(control.history).toMatchObject([
      { result: 'rejected', who: 'SIGHUP', version: store.current.version },
      { result: 'applied', who: 'file', version: store.current.version },
      { result: 'started', who: 'start', version: first },
    ]);
    expect(control.history[0]!.problems.length).toBeGreaterThan(0);
  });

  it('are not remembered where nothing changed', async () => {
    const { control } = await rig();
    expect((await control.reload('SIGHUP')).result).toBe('unchanged');
    expect(control.history).toHaveLength(1);
  });

  it('can be taken back, by the beginning of a version', async () => {
    const { store, control } = await rig();
    const first = store.current;
    await control.reload('file', file('second'));
    expect(await control.rollback('admin:ops', first.version.slice(0, 12))).toMatchObject({ result: 'applied' });
    expect(store.current).toBe(first);
    expect(control.history[0]).toMatchObject({ who: 'admin:ops', result: 'applied', version: first.version });
  });

  it('are handed to another process, which stands where this one does and can go back', async () => {
    const { store, control } = await rig();
    const first = store.current.version;
    await control.reload('file', file('second'));
    await control.reload('SIGHUP', 'version: 2');
    const other = await rig();
    await other.control.takeOver(control.handOver());
    expect(other.store.current.version).toBe(store.current.version);
    expect(other.control.history).toEqual(control.history);
    expect(await other.control.rollback('admin:ops', first)).toMatchObject({ result: 'applied', version: first });
  });

  it('leave another process as it is where it cannot stand there', async () => {
    const { store, control } = await rig();
    const { version } = store.current;
    await control.takeOver({ text: 'version: 2', history: [] });
    expect(store.current.version).toBe(version);
  });

  it('cannot be taken back to a version that nobody remembers', async () => {
    const { store, control } = await rig();
    const { version } = store.current;
    expect(await control.rollback('admin:ops', 'ffffffff')).toBeUndefined();
    for (let turn = 0; turn < 20; turn++) await control.reload('file', file(`m${turn}`));
    expect(control.history).toHaveLength(20);
    expect(await control.rollback('admin:ops', version)).toBeUndefined();
  });
});
