import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.js';
import { type ConfigReload, configReloads, ConfigStore } from './config-store.js';
import { loadEnvironment } from './env.js';
import { PROVIDER_KINDS } from './provider-kinds.js';

const file = (model: string): string =>
  `version: 1\nproviders: [{ name: a, kind: simulated }]\nmodels: [{ name: ${model}, targets: [{ provider: a, model: x }] }]\n`;

/** A store over one file that the test rewrites. */
class Rig {
  text: string | undefined = file('first');
  readonly store = new ConfigStore({
    env: loadEnvironment({ CONFIG_PATH: '/etc/gateway/gateway.yaml' }),
    kinds: PROVIDER_KINDS,
    clock: { wall: () => 1 },
    readFile: () => {
      if (this.text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
      return this.text;
    },
  });

  get models(): string[] {
    return [...this.store.current.models.keys()];
  }
}

const unsubscribes: (() => void)[] = [];
afterEach(() => unsubscribes.splice(0).forEach((unsubscribe) => unsubscribe()));

function heardReloads(): ConfigReload[] {
  const heard: ConfigReload[] = [];
  unsubscribes.push(configReloads.subscribe((reload) => heard.push(reload)));
  return heard;
}

describe('the configuration store at start', () => {
  it('has nothing to read before it is loaded', () => {
    expect(() => new Rig().store.current).toThrow('not loaded');
  });

  it('refuses a bad file and a missing one with the reason', async () => {
    const rig = new Rig();
    rig.text = 'version: 1';
    await expect(rig.store.load()).rejects.toThrow(ConfigError);
    rig.text = undefined;
    await expect(rig.store.load()).rejects.toThrow(
      'CONFIG_PATH: the file /etc/gateway/gateway.yaml cannot be read (ENOENT)',
    );
  });

  it('prepares before the snapshot is in force, and late comers at once', async () => {
    const rig = new Rig();
    const prepared: string[] = [];
    void rig.store.prepare((candidate) => {
      expect(() => rig.store.current).toThrow('not loaded');
      prepared.push(`early ${candidate.version}`);
    });
    const { version } = await rig.store.load();
    void rig.store.prepare((candidate) => void prepared.push(`late ${candidate.version}`));
    expect(prepared).toEqual([`early ${version}`, `late ${version}`]);
  });
});

describe('a reload', () => {
  it('swaps the snapshot, then tells listeners of both and the channel of the result', async () => {
    const rig = new Rig();
    const first = await rig.store.load();
    const heard = heardReloads();
    const swaps: unknown[] = [];
    rig.store.onSwap((current, previous) => swaps.push(current, previous, rig.store.current));
    rig.text = file('second');
    const outcome = await rig.store.reload();
    const second = rig.store.current;
    expect(outcome).toEqual({ result: 'applied', version: second.version, problems: [], warnings: [] });
    expect(swaps).toEqual([second, first, second]);
    expect(heard).toEqual([outcome]);
    expect(rig.models).toEqual(['second']);
  });

  it('of a file that means the same changes nothing', async () => {
    const rig = new Rig();
    const first = await rig.store.load();
    rig.text = `# a comment\n${file('first')}`;
    expect((await rig.store.reload()).result).toBe('unchanged');
    expect(rig.store.current).toBe(first);
  });

  it.each([
    ['empty', '', 'file: found an empty file, expected a gateway configuration'],
    ['cut off', 'version: 1', 'providers: missing, expected a list'],
    ['missing', undefined, 'CONFIG_PATH: the file /etc/gateway/gateway.yaml cannot be read (ENOENT)'],
  ])('of a file that is %s keeps the last good snapshot and says why', async (_what, text, problem) => {
    const rig = new Rig();
    const first = await rig.store.load();
    rig.text = text;
    const outcome = await rig.store.reload();
    expect(outcome).toMatchObject({ result: 'rejected', version: first.version });
    expect(outcome.problems).toContain(problem);
    expect(rig.store.current).toBe(first);
    rig.text = file('second');
    expect((await rig.store.reload()).result).toBe('applied');
  });

  it('that one preparer rejects is rejected for everybody', async () => {
    const rig = new Rig();
    const first = await rig.store.load();
    let reject = true;
    const swaps: unknown[] = [];
    rig.store.onSwap((current) => swaps.push(current));
    void rig.store.prepare(async (candidate) => {
      await Promise.resolve();
      if (reject && candidate !== first) throw new Error('the matcher is too large');
    });
    const outcome = await rig.store.reload(file('second'));
    expect(outcome).toMatchObject({ result: 'rejected', problems: ['the matcher is too large'] });
    expect(rig.store.current).toBe(first);
    expect(swaps).toEqual([]);
    reject = false;
    expect((await rig.store.reload(file('second'))).result).toBe('applied');
  });

  it('takes a text in place of the file', async () => {
    const rig = new Rig();
    await rig.store.load();
    await rig.store.reload(file('pushed'));
    expect(rig.models).toEqual(['pushed']);
  });

  it('waits for the one before it, so that the last one asked for is in force', async () => {
    const rig = new Rig();
    await rig.store.load();
    const order: string[] = [];
    let finishFirst = (): void => undefined;
    void rig.store.prepare(async (candidate) => {
      const [name] = [...candidate.models.keys()];
      if (name === 'slow') await new Promise<void>((resolve) => (finishFirst = resolve));
      order.push(name!);
    });
    const slow = rig.store.reload(file('slow'));
    const fast = rig.store.reload(file('fast'));
    await Promise.resolve();
    await Promise.resolve();
    finishFirst();
    await Promise.all([slow, fast]);
    expect(order).toEqual(['first', 'slow', 'fast']);
    expect(rig.models).toEqual(['fast']);
  });

  it('holds although a listener fails, and the others are told', async () => {
    const rig = new Rig();
    await rig.store.load();
    const told: string[] = [];
    rig.store.onSwap(() => {
      throw new Error('broken');
    });
    rig.store.onSwap((current) => told.push(current.version));
    const outcome = await rig.store.reload(file('second'));
    expect(outcome).toMatchObject({ result: 'applied', warnings: ['after the swap: broken'] });
    expect(told).toEqual([outcome.version]);
  });
});
