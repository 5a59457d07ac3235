import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/config/load-snapshot.js';
import { PROVIDER_KINDS } from '../../src/config/provider-kinds.js';
import { readText, readYaml } from './repository.js';

interface Probe {
  readonly periodSeconds: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold: number;
}
interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly {
    readonly readinessProbe: Probe;
    readonly livenessProbe: Probe;
    readonly startupProbe: Probe;
    readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  }[];
}
interface Deployment {
  readonly spec: {
    readonly replicas?: number;
    readonly strategy: { readonly rollingUpdate: { readonly maxSurge: number; readonly maxUnavailable: number } };
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
  };
}
interface Budget {
  readonly spec: {
    readonly maxUnavailable: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  };
}

/** After the drain: error events to whoever is left, traces, settlements, connections. */
const TO_CLOSE_S = 10;

const deployment = readYaml<Deployment>('k8s/base/deployment.yaml').spec;
const pod = deployment.template.spec;
const { readinessProbe, livenessProbe, startupProbe, lifecycle } = pod.containers[0]!;
const budget = readYaml<Budget>('k8s/base/pdb.yaml').spec;
const autoscaler = readYaml<{ spec: { minReplicas: number } }>('k8s/base/hpa.yaml').spec;

/** How long the gateway of this file drains, seconds. */
function drainOf(path: string): { delayS: number; wholeS: number } {
  const env = { lookup: (name: string) => `secret-of-${name}`, GATEWAY_ALLOW_CHAOS: false };
  const sources = { env, baseDir: dirname(path), kinds: PROVIDER_KINDS, readFile: () => '', wallNow: 0 };
  const { delayMs, timeoutMs } = buildSnapshot(readText(path), sources).snapshot.resilience.drain;
  return { delayS: delayMs / 1000, wholeS: (delayMs + timeoutMs) / 1000 };
}

describe.each(['k8s/base/gateway.yaml', 'k8s/overlays/prod/gateway.yaml'])('a pod with %s', (path) => {
  const { delayS, wholeS } = drainOf(path);

  it('is not killed before it has drained', () => {
    const preStopS = lifecycle?.preStop?.sleep?.seconds ?? 0;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(preStopS + wholeS + TO_CLOSE_S);
  });

  it('goes on serving until its readiness has been asked often enough to be believed', () => {
    const { periodSeconds, timeoutSeconds = 1, failureThreshold } = readinessProbe;
    expect(delayS).toBeGreaterThan(periodSeconds * failureThreshold + timeoutSeconds);
  });
});

it('compose, too, waits for the drain', () => {
  const { gateway } = readYaml<{ services: Record<'gateway', { stop_grace_period: string }> }>(
    'docker/compose.yaml',
  ).services;
  const { wholeS } = drainOf('docker/config/gateway.yaml');
  expect(Number.parseInt(gateway.stop_grace_period, 10)).toBeGreaterThanOrEqual(wholeS + TO_CLOSE_S);
});

describe('while nodes are drained and versions replaced', () => {
  const labels = deployment.template.metadata.labels;

  it('the budget and the deployment speak of the same pods', () => {
    expect(labels).toMatchObject(deployment.selector.matchLabels);
    expect(labels).toMatchObject(budget.selector.matchLabels);
  });

  it.each([
    ['the base', autoscaler.minReplicas],
    ['production', productionReplicas()],
  ])('%s keeps a pod that serves, and lets nodes be drained', (_, replicas) => {
    expect(replicas - budget.maxUnavailable).toBeGreaterThanOrEqual(1);
    expect(budget.maxUnavailable).toBeGreaterThanOrEqual(1);
  });

  it('production keeps two, so that one more may die', () => {
    expect(productionReplicas() - budget.maxUnavailable).toBeGreaterThanOrEqual(2);
  });

  it('a new version comes before an old one goes, and the autoscaler alone sets the number', () => {
    const { maxSurge, maxUnavailable } = deployment.strategy.rollingUpdate;
    expect([maxUnavailable, maxSurge]).toEqual([0, 1]);
    expect(deployment.replicas).toBeUndefined();
  });

  it('no pod is restarted that still starts, and one that hangs is, within a minute', () => {
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(30);
    expect(livenessProbe.periodSeconds * livenessProbe.failureThreshold).toBeLessThanOrEqual(60);
    expect(livenessProbe.failureThreshold).toBeGreaterThan(1);
  });
});

function productionReplicas(): number {
  const { patches } = readYaml<{ patches: { patch: string }[] }>('k8s/overlays/prod/kustomization.yaml');
  const patch = patches.find((one) => one.patch.includes('HorizontalPodAutoscaler'))!.patch;
  return Number(/minReplicas: (\d+)/.exec(patch)![1]);
}
