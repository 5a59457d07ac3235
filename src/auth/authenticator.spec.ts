import { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aPrincipal } from '../../test/support/principal.js';
import { type ConfigStore } from '../config/config-store.js';
import { loadEnvironment } from '../config/env.js';
import { authenticationFailed } from '../kernel/channels.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type ApiKey, type Principal, type Snapshot } from '../kernel/snapshot.js';
import { mintKey } from './api-key-format.js';
import { Authenticator, type KeyedRequest } from './authenticator.js';
import { KeyDigester } from './key-digest.js';
import { KeyIndex } from './key-index.js';

const PEPPER = 'a pepper of thirty-two characters or more';
const principal = aPrincipal();
const [old, young] = [mintKey(), mintKey()];
const hex = (key: string) => new KeyDigester(PEPPER).format(key).replace('hmac-sha256:', '');
const keyOf = (...keys: string[]): ApiKey => ({
  principal,
  secret: undefined,
  digests: keys.map(hex),
  expiresAt: undefined,
});
const fileOf = (keys: readonly ApiKey[], anonymous?: Principal) => ({ keys, anonymous }) as unknown as Snapshot;

const socketFrom = (remoteAddress: string) => ({ remoteAddress }) as Socket;
const requestWith = (authorization: string | undefined, socket: Socket): KeyedRequest => ({
  headers: { authorization },
  socket,
});

describe('Authenticator', () => {
  let clock: ManualClock;
  let authenticator: Authenticator;
  let load: (file: Snapshot) => void | Promise<void>;
  let failed: string[];
  let unsubscribe: () => void;

  beforeEach(async () => {
    clock = new ManualClock();
    const config = { prepare: (preparer: typeof load) => void (load = preparer) } as unknown as ConfigStore;
    authenticator = new Authenticator(config, loadEnvironment({ GATEWAY_KEY_PEPPER: PEPPER }), clock);
    await authenticator.onModuleInit();
    failed = [];
    unsubscribe = authenticationFailed.subscribe(({ address }) => failed.push(address));
  });
  afterEach(() => unsubscribe());

  /** Who the bearer is by a file that was loaded, or the refusal. */
  async function who(bearer: string | undefined, file: Snapshot, address = '10.0.0.1') {
    await load(file);
    try {
      return authenticator.authenticate(requestWith(bearer, socketFrom(address)), file);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return error;
    }
  }

  it('knows both keys while one is rotated, and afterwards the new one alone', async () => {
    const during = fileOf([keyOf(old, young)]);
    expect([await who(`Bearer ${old}`, during), await who(`Bearer ${young}`, during)]).toEqual([principal, principal]);
    const after = fileOf([keyOf(young)]);
    expect(await who(`Bearer ${old}`, after)).toMatchObject({ code: 'invalid_api_key' });
    expect(await who(`Bearer ${young}`, after)).toBe(principal);
  });

  it('refuses a key that has expired as it refuses an unknown one, without a reload', async () => {
    const file = fileOf([{ ...keyOf(old), expiresAt: clock.wall() + 1_000 }]);
    expect(await who(`Bearer ${old}`, file)).toBe(principal);
    await clock.advance(1_000);
    expect(await who(`Bearer ${old}`, file)).toMatchObject({ status: 401, message: 'Incorrect API key provided.' });
  });

  it('lets a request that began with the older file finish by it', async () => {
    const before = fileOf([keyOf(old)]);
    await load(before);
    await load(fileOf([keyOf(young)]));
    expect(authenticator.authenticate(requestWith(`Bearer ${old}`, socketFrom('10.0.0.1')), before)).toBe(principal);
  });

  describe('on a connection that asks again', () => {
    const socket = () => socketFrom('10.0.0.1');
    let found: MockInstance<KeyIndex['find']>;
    beforeEach(() => {
      found = vi.spyOn(KeyIndex.prototype, 'find');
    });
    afterEach(() => found.mockRestore());

    const on = (connection: Socket, key: string, file: Snapshot) => {
      try {
        return authenticator.authenticate(requestWith(`Bearer ${key}`, connection), file);
      } catch (error) {
        return error;
      }
    };

    it('looks a key up once, and once more on every other connection', async () => {
      const file = fileOf([keyOf(old)]);
      await load(file);
      const connection = socket();
      expect([on(connection, old, file), on(connection, old, file)]).toEqual([principal, principal]);
      expect(found).toHaveBeenCalledTimes(1);
      expect(on(socket(), old, file)).toBe(principal);
      expect(found).toHaveBeenCalledTimes(2);
    });

    it('refuses a key that a reload has removed', async () => {
      const [before, after] = [fileOf([keyOf(old)]), fileOf([keyOf(young)])];
      await load(before);
      await load(after);
      const connection = socket();
      expect(on(connection, old, before)).toBe(principal);
      expect(on(connection, old, after)).toMatchObject({ code: 'invalid_api_key' });
    });

    it('refuses a key from the moment at which it expires', async () => {
      const file = fileOf([{ ...keyOf(old), expiresAt: clock.wall() + 1_000 }]);
      await load(file);
      const connection = socket();
      expect(on(connection, old, file)).toBe(principal);
      await clock.advance(1_000);
      expect(on(connection, old, file)).toMatchObject({ code: 'invalid_api_key' });
    });

    it.each([
      ['no key', ''],
      ['a part of the key', old.slice(0, -1)],
      ['the key and more', `${old}x`],
      ['a key that differs in its last character', `${old.slice(0, -1)}${old.endsWith('a') ? 'b' : 'a'}`],
      ['an unknown key of that length', mintKey()],
    ])('refuses %s after the key, and counts the failure', async (_name, wrong) => {
      const file = fileOf([keyOf(old)]);
      await load(file);
      const connection = socket();
      on(connection, old, file);
      expect(on(connection, wrong, file)).toMatchObject({ code: 'invalid_api_key' });
      expect(failed).toEqual(['10.0.0.1']);
      expect(on(connection, old, file)).toBe(principal);
    });

    it('tells callers apart that share it', async () => {
      const other = aPrincipal({ keyId: 'other' });
      const file = fileOf([keyOf(old), { ...keyOf(young), principal: other }]);
      await load(file);
      const connection = socket();
      const asked = [old, young, young, old].map((key) => on(connection, key, file));
      expect(asked).toEqual([principal, other, other, principal]);
    });

    it('never takes the anonymous caller for whoever asked before', async () => {
      const anonymous = aPrincipal({ keyId: 'anonymous' });
      const file = fileOf([keyOf(old)], anonymous);
      await load(file);
      const connection = socket();
      const asked = [old, 'any-text', old].map((key) => on(connection, key, file));
      expect(asked).toEqual([principal, anonymous, principal]);
    });
  });

  it.each([
    ['nothing', undefined],
    ['an empty bearer', 'Bearer '],
    ['another scheme', `Basic ${old}`],
    ['a lower-case scheme', `bearer ${old}`],
    ['two keys', `Bearer ${old} ${young}`],
    ['a key with a wrong checksum', `Bearer ${old.slice(0, -1)}!`],
    ['an unknown key', `Bearer ${mintKey()}`],
  ])('refuses %s with one and the same answer', async (_name, bearer) => {
    const refusal = await who(bearer, fileOf([keyOf(old)]));
    expect(refusal).toMatchObject({ status: 401, message: 'Incorrect API key provided.' });
    expect(failed).toEqual(['10.0.0.1']);
  });

  it('holds failures of an address back, but never a valid key behind it', async () => {
    const file = fileOf([keyOf(old)]);
    for (let n = 0; n < 20; n++) expect(await who('Bearer wrong', file)).toMatchObject({ status: 401 });
    const refusal = await who('Bearer wrong', file);
    expect(refusal).toMatchObject({
      code: 'rate_limit_exceeded',
      headers: { 'retry-after': '3', 'retry-after-ms': '3000' },
    });
    expect(await who(`Bearer ${old}`, file)).toBe(principal);
    expect(await who('Bearer wrong', file, '10.0.0.2')).toMatchObject({ status: 401 });
  });

  it('takes whoever has no known key for anonymous where the file allows it, and counts no failure', async () => {
    const anonymous = aPrincipal({ keyId: 'anonymous' });
    const file = fileOf([keyOf(old)], anonymous);
    expect(await who(undefined, file)).toBe(anonymous);
    expect(await who('Bearer any-text', file)).toBe(anonymous);
    expect(await who(`Bearer ${old}`, file)).toBe(principal);
    expect(failed).toEqual([]);
  });
});
