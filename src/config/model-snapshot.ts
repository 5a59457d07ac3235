import { type Model, type OutputLimits, type Price, type Provider, type Target } from '../kernel/snapshot.js';
import { type Findings } from './config-error.js';
import { type ModelConfig, type PriceConfig, type TargetConfig } from './gateway-config.schema.js';
import { type DecimalAmount, perMillionToPico } from './money.js';
import { hint } from './provider-snapshot.js';

/** The models by name. A target's window, output cap and price fall back to its model's. */
export function buildModels(
  configs: readonly ModelConfig[],
  providers: ReadonlyMap<string, Provider>,
  findings: Findings,
): Map<string, Model> {
  const models = new Map<string, Model>();
  configs.forEach((config, index) => {
    const path = `models[${index}]`;
    if (models.has(config.name)) findings.problem(`${path}.name`, `"${config.name}" is there twice`);
    const price = buildPrice(config.price, `${path}.price`, findings);
    const targets = buildTargets(config, price, { path: `${path}.targets`, providers, findings });
    if (targets.length > 0 && targets.every((target) => target.weight === 0)) {
      findings.warning(`${path}.targets`, 'all weights are 0, so every target counts as failover only');
    }
    models.set(config.name, {
      name: config.name,
      targets,
      contextTokens: config.contextTokens ?? undefined,
      maxOutputTokens: config.maxOutputTokens ?? undefined,
      reasoning: config.reasoning,
      price,
      output: outputLimits(config.output),
    });
  });
  return models;
}

/** null, as the file may say it, becomes undefined. */
export function outputLimits(limits: { maxCharacters: number | null; maxTokens: number | null }): OutputLimits {
  return { maxCharacters: limits.maxCharacters ?? undefined, maxTokens: limits.maxTokens ?? undefined };
}

interface TargetContext {
  readonly path: string;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly findings: Findings;
}

function buildTargets(model: ModelConfig, modelPrice: Price | undefined, context: TargetContext): Target[] {
  const targets = new Map<string, Target>();
  model.targets.forEach((config, index) => {
    const path = `${context.path}[${index}]`;
    const provider = context.providers.get(config.provider);
    if (provider === undefined) {
      const wrong = `no provider is named "${config.provider}"${hint(config.provider, context.providers)}`;
      context.findings.problem(`${path}.provider`, wrong);
      return;
    }
    const target = buildTarget(config, provider, model);
    const price = buildPrice(config.price, `${path}.price`, context.findings) ?? modelPrice;
    if (targets.has(target.id)) context.findings.problem(path, `"${target.id}" is there twice`);
    targets.set(target.id, { ...target, price });
  });
  return [...targets.values()];
}

function buildTarget(config: TargetConfig, provider: Provider, model: ModelConfig): Omit<Target, 'price'> {
  return {
    id: `${provider.name}/${config.model}`,
    provider,
    model: config.model,
    weight: config.weight ?? provider.weight,
    tier: config.tier ?? provider.tier,
    contextTokens: config.contextTokens ?? model.contextTokens ?? undefined,
    maxOutputTokens: config.maxOutputTokens ?? model.maxOutputTokens ?? undefined,
    continuesPrefix: config.continuesPrefix,
  };
}

function buildPrice(config: PriceConfig | undefined, path: string, findings: Findings): Price | undefined {
  if (config === undefined) return undefined;
  let previous = 0;
  const tiers = config.tiers.map((tier, index) => {
    if (tier.fromTokens <= previous) {
      const wrong = `found ${tier.fromTokens}, expected more than the tier before (${previous})`;
      findings.problem(`${path}.tiers[${index}].fromTokens`, wrong);
    }
    previous = tier.fromTokens;
    return { fromTokens: tier.fromTokens, ...rates(tier) };
  });
  return { ...rates(config), tiers };
}

interface RatesConfig {
  readonly inputPerMillion: DecimalAmount;
  readonly cachedInputPerMillion?: DecimalAmount | undefined;
  readonly outputPerMillion: DecimalAmount;
}

function rates(config: RatesConfig): Omit<Price, 'tiers'> {
  return {
    inputPicoUsd: pico(config.inputPerMillion),
    cachedInputPicoUsd: pico(config.cachedInputPerMillion ?? config.inputPerMillion),
    outputPicoUsd: pico(config.outputPerMillion),
  };
}

function pico(amount: DecimalAmount): number {
  const value = perMillionToPico(amount);
  if (value === undefined) throw new Error('a price passed the schema without being one');
  return value;
}
