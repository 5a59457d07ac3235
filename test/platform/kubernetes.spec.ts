import { describe, expect, it } from 'vitest';
import { LISTED } from './metrics-list.js';
import { exists, parseAll, readText, readYaml, run } from './repository.js';

interface Kustomization {
  readonly namespace?: string;
  readonly resources: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newTag?: string; readonly digest?: string }[];
  readonly configMapGenerator?: readonly { readonly files: readonly string[] }[];
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly envFrom?: readonly { readonly secretRef: { readonly name: string; readonly optional: boolean } }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly mountPath: string; readonly subPath?: string }[];
}
interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}
interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly topologySpreadConstraints: readonly { readonly topologyKey: string; readonly whenUnsatisfiable: string }[];
  readonly containers: readonly Container[];
}

const FOLDERS = ['base', 'overlays/dev', 'overlays/prod', 'examples/redis', 'examples/vllm'];
const read = (path: string): Resource[] => parseAll<Resource>(readText(`k8s/${path}`));
const base = readYaml<Kustomization>('k8s/base/kustomization.yaml').resources.flatMap((path) => read(`base/${path}`));
const one = (resources: readonly Resource[], kind: string, name = 'sre-gateway'): Resource =>
  resources.find((resource) => resource.kind === kind && resource.metadata.name === name)!;
const podOf = ({ spec }: Resource): PodSpec => (spec.template as { spec: PodSpec }).spec;

describe.each(FOLDERS)('k8s/%s', (folder) => {
  const kustomization = readYaml<Kustomization>(`k8s/${folder}/kustomization.yaml`);

  it('names only what exists, nothing remote', () => {
    const files = (kustomization.configMapGenerator ?? []).flatMap((generator) => generator.files);
    for (const path of [...kustomization.resources, ...files]) {
      expect(path).not.toMatch(/^https?:|github\.com|\?ref=/);
      expect(exists(`k8s/${folder}/${path}`), path).toBe(true);
    }
  });

  it('pins every image', () => {
    for (const { newTag, digest } of kustomization.images ?? []) expect(digest ?? newTag).toMatch(/^(sha256:|\d|dev$)/);
    const files = kustomization.resources.filter((path) => path.endsWith('.yaml'));
    const images = files.flatMap((path) => [...readText(`k8s/${folder}/${path}`).matchAll(/^\s+image: (.+)$/gm)]);
    for (const [, image] of images) expect(image).toMatch(/^sre-gateway$|:v?\d+\.\d+\.\d+/);
  });
});

describe('the base', () => {
  it('is of no namespace', () => {
    for (const { metadata } of base) expect(metadata.namespace).toBeUndefined();
  });

  it('passes the restricted Pod Security Standard, with a root nobody writes to and no token', () => {
    const pod = podOf(one(base, 'Deployment'));
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.containers[0]!.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(readText('k8s/base/deployment.yaml')).not.toMatch(/hostNetwork|hostPID|hostPath|hostIPC/);
  });

  it('probes the operations listener, and liveness asks nobody else', () => {
    const { containers } = podOf(one(base, 'Deployment'));
    const { startupProbe, livenessProbe, readinessProbe, ports } = containers[0]!;
    expect(ports).toMatchObject([
      { name: 'http', containerPort: 8000 },
      { name: 'ops', containerPort: 9090 },
    ]);
    expect(startupProbe.httpGet).toEqual({ path: '/v1/health', port: 'ops' });
    expect(livenessProbe.httpGet).toEqual({ path: '/v1/health', port: 'ops' });
    expect(readinessProbe.httpGet).toEqual({ path: '/v1/ready', port: 'ops' });
  });

  it('gives streams time to end, and the heap five eighths of the memory', () => {
    const pod = podOf(one(base, 'Deployment'));
    expect(pod.terminationGracePeriodSeconds).toBe(140);
    const { resources, env } = pod.containers[0]!;
    expect(resources.requests.cpu).toBe('1');
    expect(resources.limits).toMatchObject({ cpu: '2', memory: '1Gi' });
    expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: `--max-old-space-size=${1024 * 0.625}` });
  });

  it('mounts its configuration as a folder under a name that stays, so that pods reload', () => {
    const mount = podOf(one(base, 'Deployment')).containers[0]!.volumeMounts[0]!;
    expect(mount).toMatchObject({ mountPath: '/etc/sre-gateway' });
    expect(mount.subPath).toBeUndefined();
    const { generatorOptions } = readYaml<{ generatorOptions: object }>('k8s/base/kustomization.yaml');
    expect(generatorOptions).toEqual({ disableNameSuffixHash: true });
  });

  it('spreads over hosts and zones', () => {
    const keys = podOf(one(base, 'Deployment')).topologySpreadConstraints.map(({ topologyKey }) => topologyKey);
    expect(keys).toEqual(['kubernetes.io/hostname', 'topology.kubernetes.io/zone']);
  });

  it('keeps callers and operations apart', () => {
    expect(one(base, 'Service').spec.ports).toMatchObject([{ port: 8000, targetPort: 'http' }]);
    expect(one(base, 'Service', 'sre-gateway-ops').spec).toMatchObject({ clusterIP: 'None', ports: [{ port: 9090 }] });
    const monitor = one(base, 'ServiceMonitor').spec as { selector: { matchLabels: Record<string, string> } };
    const component = 'app.kubernetes.io/component';
    expect(monitor.selector.matchLabels[component]).toBe(
      one(base, 'Service', 'sre-gateway-ops').metadata.labels![component],
    );
  });

  it('loses one pod at a time', () => {
    expect(one(base, 'PodDisruptionBudget').spec.maxUnavailable).toBe(1);
    expect(one(base, 'Deployment').spec.strategy).toMatchObject({ rollingUpdate: { maxUnavailable: 0 } });
  });
});

describe.each([
  ['Redis', 'examples/redis/redis.yaml', 'StatefulSet'],
  ['vLLM', 'examples/vllm/vllm.yaml', 'Deployment'],
])('the example of %s', (_, path, kind) => {
  it('passes the restricted Pod Security Standard, within bounds and with probes', () => {
    const pod = podOf(read(path).find((resource) => resource.kind === kind)!);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const { securityContext, resources, readinessProbe, livenessProbe } of pod.containers) {
      expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
      expect(Object.keys(resources.limits)).toEqual(expect.arrayContaining(['cpu', 'memory']));
      expect([readinessProbe, livenessProbe]).not.toContain(undefined);
    }
  });
});

describe('the autoscaler', () => {
  interface Metric {
    readonly type: string;
    readonly pods?: { readonly metric: { readonly name: string }; readonly target: { readonly averageValue: string } };
    readonly resource?: { readonly target: { readonly averageUtilization: number } };
  }
  const spec = one(base, 'HorizontalPodAutoscaler').spec as {
    metrics: Metric[];
    minReplicas: number;
    behavior: object;
  };

  it('aims at the event loop first, then at requests in flight, then at CPU', () => {
    const [loop, inFlight, cpu] = spec.metrics;
    expect(loop!.pods).toMatchObject({
      metric: { name: 'gateway_event_loop_utilization' },
      target: { averageValue: '600m' },
    });
    expect(inFlight!.pods).toMatchObject({
      metric: { name: 'gateway_in_flight_requests' },
      target: { averageValue: '150' },
    });
    expect(cpu!.resource!.target.averageUtilization).toBe(70);
    expect(spec.minReplicas).toBe(2);
  });

  it('grows at once and shrinks slowly', () => {
    expect(spec.behavior).toMatchObject({
      scaleUp: {
        stabilizationWindowSeconds: 0,
        policies: [
          { type: 'Percent', value: 100, periodSeconds: 30 },
          { type: 'Pods', value: 4, periodSeconds: 30 },
        ],
      },
      scaleDown: { stabilizationWindowSeconds: 600, policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }] },
    });
  });

  it('reads metrics that are exported and that the adapter serves', () => {
    const adapter = read('examples/prometheus-adapter.yaml')[0]!.data!['config.yaml']!;
    for (const { pods } of spec.metrics) {
      if (!pods) continue;
      expect(LISTED.has(pods.metric.name)).toBe(true);
      expect(adapter).toContain(`name: { matches: '^${pods.metric.name}$' }`);
    }
  });
});

describe('the network policy', () => {
  interface Peer {
    readonly ipBlock?: { readonly cidr: string; readonly except: readonly string[] };
    readonly namespaceSelector?: { readonly matchLabels?: Record<string, string> };
  }
  interface Rule {
    readonly to?: readonly Peer[];
    readonly from?: readonly Peer[];
    readonly ports: readonly { readonly port: string | number }[];
  }
  const spec = one(base, 'NetworkPolicy').spec as { policyTypes: string[]; ingress: Rule[]; egress: Rule[] };

  it('closes both directions but for what is named', () => {
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    for (const rule of [...spec.ingress, ...spec.egress]) {
      expect((rule.from ?? rule.to)!.length).toBeGreaterThan(0);
      expect(rule.ports.length).toBeGreaterThan(0);
    }
  });

  it('never lets the metadata address or a private range be reached by address', () => {
    const blocks = spec.egress.flatMap(({ to }) => to!.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : [])));
    const v4 = blocks.find(({ cidr }) => cidr === '0.0.0.0/0')!;
    for (const range of ['169.254.0.0/16', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8']) {
      expect(v4.except).toContain(range);
    }
    expect(blocks.find(({ cidr }) => cidr === '::/0')!.except).toEqual(['fc00::/7', 'fe80::/10']);
    expect(blocks).toHaveLength(2);
  });

  it('lets Prometheus alone reach the operations listener', () => {
    const ops = spec.ingress.filter(({ ports }) => ports.some(({ port }) => port === 'ops'));
    expect(ops).toHaveLength(1);
    expect(ops[0]!.from![0]!.namespaceSelector!.matchLabels).toEqual({ 'kubernetes.io/metadata.name': 'monitoring' });
  });
});

describe('the production overlay', () => {
  it('names in its example of a Secret whatever its configuration needs', () => {
    const secret = readYaml<{ stringData: Record<string, string> }>('k8s/examples/secret.yaml').stringData;
    const needed = [...readText('k8s/overlays/prod/gateway.yaml').matchAll(/\$\{env:(\w+)\}/g)].map(
      (match) => match[1]!,
    );
    expect(needed.length).toBeGreaterThan(0);
    for (const name of [...needed, 'REDIS_URL']) expect(secret).toHaveProperty(name);
    expect(new Set(Object.values(secret)).size).toBe(Object.keys(secret).length);
  });
});

const renderer = ['kustomize', 'kubectl'].find((tool) => run('sh', '-c', `command -v ${tool}`).status === 0);
const render = (folder: string): Resource[] => {
  const args = renderer === 'kubectl' ? ['kustomize'] : ['build'];
  const { status, output } = run(renderer!, ...args, `k8s/${folder}`);
  expect(status, output).toBe(0);
  return parseAll<Resource>(output);
};

describe.skipIf(renderer === undefined)('rendered', () => {
  it.each(FOLDERS)('k8s/%s builds alone', (folder) => {
    expect(render(folder).length).toBeGreaterThan(2);
  });

  it('development is one small pod without the operator and with documentation', () => {
    const resources = render('overlays/dev');
    expect(resources.map(({ kind }) => kind)).not.toContain('PrometheusRule');
    const container = podOf(one(resources, 'Deployment')).containers[0]!;
    expect(container.image).toBe('sre-gateway:dev');
    expect(container.env).toContainEqual({ name: 'NODE_ENV', value: 'development' });
    expect(container.env!.map(({ name }) => name)).toContain('OPS_HOST');
    expect(one(resources, 'HorizontalPodAutoscaler').spec.minReplicas).toBe(1);
  });

  it('production refuses to start without its secrets, keeps three pods and replaces the configuration', () => {
    const resources = render('overlays/prod');
    const pod = podOf(one(resources, 'Deployment'));
    expect(pod.containers[0]!.envFrom).toEqual([{ secretRef: { name: 'sre-gateway', optional: false } }]);
    expect(pod.containers[0]!.image).toBe('registry.example.com/platform/sre-gateway:0.1.0');
    expect(pod.topologySpreadConstraints.map(({ whenUnsatisfiable }) => whenUnsatisfiable)).toEqual([
      'DoNotSchedule',
      'ScheduleAnyway',
    ]);
    expect(one(resources, 'HorizontalPodAutoscaler').spec.minReplicas).toBe(3);
    const file = one(resources, 'ConfigMap', 'sre-gateway-config').data!['gateway.yaml'];
    expect(file).toBe(readText('k8s/overlays/prod/gateway.yaml'));
    for (const { kind, metadata } of resources)
      if (kind !== 'Namespace') expect(metadata.namespace).toBe('sre-gateway');
  });
});
