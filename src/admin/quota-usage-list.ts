import { Inject, Injectable } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { type Principal } from '../kernel/snapshot.js';
import { type BudgetLevel, type QuotaStore, type QuotaUsage } from '../quota/quota-store.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';
import { budgetObject, levelObject } from '../quota/usage-object.js';

/** A file may hold thousands of keys, and a store in trouble must not be asked thousands of questions at once. */
const AT_ONCE = 32;

interface KeyUsage {
  readonly principal: Principal;
  readonly usage: QuotaUsage;
}

interface Group {
  readonly org: string;
  readonly name: string;
  readonly keys: string[];
  /** By window and limit: keys of one team may hold its one account to different limits. */
  readonly budgets: Map<string, BudgetLevel>;
}

/** What every configured key, team or org may use and has used, in the order of the file. */
@Injectable()
export class QuotaUsageList {
  constructor(
    private readonly config: ConfigStore,
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
  ) {}

  /** @throws GatewayError quota_backend_unavailable */
  async by(holder: 'key' | 'team' | 'org'): Promise<readonly object[]> {
    const usages = await this.#usages();
    return holder === 'key'
      ? usages.map(keyObject)
      : groupsOf(usages, holder).map((group) => groupObject(group, holder));
  }

  async #usages(): Promise<readonly KeyUsage[]> {
    const { keys, anonymous } = this.config.current;
    const principals = [...keys.map(({ principal }) => principal), ...(anonymous ? [anonymous] : [])];
    const usages: KeyUsage[] = [];
    for (let at = 0; at < principals.length; at += AT_ONCE) {
      const some = principals.slice(at, at + AT_ONCE);
      const asked = some.map(async (principal) => ({ principal, usage: await this.store.usage(principal) }));
      usages.push(...(await Promise.all(asked)));
    }
    return usages;
  }
}

function keyObject({ principal, usage }: KeyUsage): object {
  const { keyId, org, team, user, limits } = principal;
  return {
    key: keyId,
    org,
    team: team ?? null,
    user: user ?? null,
    limits,
    concurrentRequests: usage.concurrent,
    requests: levelObject(usage.levels.requests),
    tokens: levelObject(usage.levels.tokens),
    budgets: usage.budgets.map(budgetObject),
  };
}

function groupsOf(usages: readonly KeyUsage[], scope: 'team' | 'org'): Group[] {
  const groups = new Map<string, Group>();
  for (const { principal, usage } of usages) {
    const name = principal[scope];
    if (name === undefined) continue;
    const id = JSON.stringify([principal.org, name]);
    const group = groups.get(id) ?? { org: principal.org, name, keys: [], budgets: new Map<string, BudgetLevel>() };
    groups.set(id, group);
    group.keys.push(principal.keyId);
    for (const budget of usage.budgets) {
      if (budget.scope === scope) group.budgets.set(`${budget.window} ${budget.limitNanoUsd}`, budget);
    }
  }
  return [...groups.values()];
}

function groupObject({ org, name, keys, budgets }: Group, scope: 'team' | 'org'): object {
  return {
    ...(scope === 'team' && { team: name }),
    org,
    keys,
    budgets: [...budgets.values()].map(budgetObject),
  };
}
