import { describe, expect, it } from 'vitest';
import { type GatewayError } from '../kernel/gateway-error.js';
import { type Model, type Principal, type Snapshot } from '../kernel/snapshot.js';
import { findModel, visibleModels } from './model-access.js';

const models = ['gpt-4o', 'gpt-4o-mini', 'claude'].map((name): [string, Model] => [name, { name } as Model]);
const snapshot = { models: new Map(models) } as unknown as Snapshot;
const principalOf = (...globs: string[]): Principal => ({ models: globs }) as unknown as Principal;

function refusalOf(name: string, principal: Principal): GatewayError {
  try {
    findModel(snapshot, principal, name);
  } catch (error) {
    return error as GatewayError;
  }
  throw new Error('found');
}

describe('model access', () => {
  it('finds a model that the principal may use', () => {
    expect(findModel(snapshot, principalOf('gpt-*'), 'gpt-4o').name).toBe('gpt-4o');
  });

  it('answers the same for a forbidden and for an unknown model', () => {
    const forbidden = refusalOf('claude', principalOf('gpt-*'));
    const unknown = refusalOf('clause', principalOf('gpt-*'));
    expect(forbidden).toMatchObject({ code: 'model_not_found', status: 404, param: 'model' });
    expect(forbidden.message.replace('claude', 'clause')).toBe(unknown.message);
  });

  it.each(['', '__proto__', 'constructor', 'gpt-*'])('does not find %j', (name) => {
    expect(refusalOf(name, principalOf('*')).code).toBe('model_not_found');
  });

  it('cuts a long name in what it says', () => {
    expect(refusalOf('x'.repeat(10_000), principalOf('*')).message.length).toBeLessThan(200);
  });

  it("lists what the principal may use, in the file's order", () => {
    const names = (principal: Principal) => visibleModels(snapshot, principal).map(({ name }) => name);
    expect(names(principalOf('*'))).toEqual(['gpt-4o', 'gpt-4o-mini', 'claude']);
    expect(names(principalOf('claude', '*mini'))).toEqual(['gpt-4o-mini', 'claude']);
    expect(names(principalOf())).toEqual([]);
  });
});
