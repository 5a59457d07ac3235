import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { systemClock } from '../kernel/clock.js';
import { ConfigWatcher } from './config-watcher.js';

let folder: string;
const watchers: ConfigWatcher[] = [];
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'watch-'))));
afterEach(() => {
  watchers.splice(0).forEach((watcher) => watcher.close());
  rmSync(folder, { recursive: true, force: true });
});

/** A watcher of `gateway.yaml` in the folder, and the texts that it told. */
function rig(clock: ConstructorParameters<typeof ConfigWatcher>[0]['clock']): {
  watcher: ConfigWatcher;
  texts: (string | undefined)[];
  path: string;
} {
  const texts: (string | undefined)[] = [];
  const path = join(folder, 'gateway.yaml');
  const options = { path, clock, onChange: (text: string | undefined) => void texts.push(text) };
  const watcher = new ConfigWatcher({ ...options, onError: (error) => void texts.push(error.message) });
  watchers.push(watcher);
  return { watcher, texts, path };
}

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 10_000, interval: 10 }).toBe(true);
}

describe('what the watcher makes of changes in its folder', () => {
  it('tells a change once the folder is quiet for 200 ms, and once however many touches', () => {
    const clock = new ManualClock();
    const { watcher, texts, path } = rig(clock);
    writeFileSync(path, 'first ha');
    watcher.touched();
    clock.advanceSync(150);
    writeFileSync(path, 'first half and second');
    watcher.touched();
    clock.advanceSync(199);
    expect(texts).toEqual([]);
    clock.advanceSync(1);
    expect(texts).toEqual(['first half and second']);
  });

  it('does not tell at its start what was seen already, and tells the next change', () => {
    const clock = new ManualClock();
    const before = rig(clock);
    writeFileSync(before.path, 'first');
    before.watcher.touched();
    clock.advanceSync(200);
    const { watcher, texts, path } = rig(clock);
    watcher.seen = before.watcher.seen;
    watcher.start();
    clock.advanceSync(200);
    expect(texts).toEqual([]);
    writeFileSync(path, 'second');
    watcher.touched();
    clock.advanceSync(200);
    expect(texts).toEqual(['second']);
  });

  it('tells a change within a second though the folder is never quiet', () => {
    const clock = new ManualClock();
    const { watcher, texts, path } = rig(clock);
    writeFileSync(path, 'busy');
    for (let ms = 0; ms < 1_000; ms += 50) {
      watcher.touched();
      clock.advanceSync(50);
    }
    expect(texts).toEqual(['busy']);
  });

  it('says nothing where the content is what it was', () => {
    const clock = new ManualClock();
    const { watcher, texts, path } = rig(clock);
    for (const text of ['same', 'same', 'other', 'same']) {
      writeFileSync(path, text);
      watcher.touched();
      clock.advanceSync(200);
    }
    expect(texts).toEqual(['same', 'other', 'same']);
  });

  it('tells once that the file cannot be read, and tells when it is back', () => {
    const clock = new ManualClock();
    const { watcher, texts, path } = rig(clock);
    for (let turn = 0; turn < 2; turn++) {
      watcher.touched();
      clock.advanceSync(200);
    }
    writeFileSync(path, 'back');
    watcher.touched();
    clock.advanceSync(200);
    expect(texts).toEqual([undefined, 'back']);
  });

  it('leaves no timer behind when it is closed', () => {
    const clock = new ManualClock();
    const { watcher } = rig(clock);
    watcher.touched();
    watcher.close();
    expect(clock.pending).toBe(0);
  });
});

describe('real changes of real files', () => {
  it('follows two symlink swaps of a mounted ConfigMap', async () => {
    const publish = (version: string, text: string): void => {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'gateway.yaml'), text);
      symlinkSync(version, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    publish('..v1', 'one');
    symlinkSync(join('..data', 'gateway.yaml'), join(folder, 'gateway.yaml'));
    const { watcher, texts } = rig(systemClock);
    watcher.start();
    await until(() => texts.length === 1);
    publish('..v2', 'two');
    await until(() => texts.length === 2);
    publish('..v3', 'three');
    await until(() => texts.length === 3);
    expect(texts).toEqual(['one', 'two', 'three']);
  });

  it('follows atomic renames, and a write in two halves counts as one change', async () => {
    const { watcher, texts, path } = rig(systemClock);
    writeFileSync(path, 'start');
    watcher.start();
    await until(() => texts.length === 1);
    writeFileSync(`${path}.new`, 'renamed');
    renameSync(`${path}.new`, path);
    await until(() => texts.length === 2);
    writeFileSync(path, 'half ');
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(path, 'half and half');
    await until(() => texts.length === 3);
    expect(texts).toEqual(['start', 'renamed', 'half and half']);
  });
});
