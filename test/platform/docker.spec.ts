import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/config/load-snapshot.js';
import { PROVIDER_KINDS } from '../../src/config/provider-kinds.js';
import { exists, readText, readYaml } from './repository.js';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly ports?: readonly string[];
  readonly expose?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
}

const { services, volumes } = readYaml<{ services: Record<string, Service>; volumes: Record<string, unknown> }>(
  'docker/compose.yaml',
);
const all = Object.entries(services).map(([name, service]) => ({ name, ...service }));
const ours = all.filter(({ image }) => image.startsWith('sre-gateway:'));
const { gateway, redis, prometheus, grafana } = services as Record<
  'gateway' | 'redis' | 'prometheus' | 'grafana',
  Service
>;

describe('Node in the image', () => {
  it('has the flags of npm start, which are the ones that the bench measures', () => {
    const flagsIn = (text: string): string[] => text.match(/--[\w-]+=\d+/g) ?? [];
    const command = /^CMD \["node", .*$/m.exec(readText('docker/Dockerfile'))![0];
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: { start: string } };
    const measured = /^export const NODE_FLAGS = .*$/m.exec(readText('bench/processes.mjs'))![0];
    expect(flagsIn(command)).toEqual(['--max-semi-space-size=64', '--v8-pool-size=1']);
    expect(flagsIn(scripts.start)).toEqual(flagsIn(command));
    expect(flagsIn(measured)).toEqual(flagsIn(command));
  });
});

describe('the compose file', () => {
  it('publishes the gateway, Prometheus and Grafana, and nothing else', () => {
    const published = all.flatMap(({ name, ports }) => (ports ?? []).map((port) => `${name} ${port}`));
    expect(published).toEqual(['gateway 8000:8000', 'prometheus 9091:9090', 'grafana 3000:3000']);
    expect(gateway.expose).toEqual(['9090']);
  });

  it.each(all)('$name mounts what exists and volumes that are declared', ({ volumes: mounts }) => {
    for (const mount of mounts ?? []) {
      const source = mount.split(':')[0]!;
      if (source.startsWith('.')) {
        expect(exists(join('docker', source)), source).toBe(true);
        expect(mount, 'the host keeps what is its own').toMatch(/:ro$/);
      } else expect(volumes).toHaveProperty(source);
    }
  });

  it.each(all)('$name runs a pinned image that can say whether it is healthy', ({ image, healthcheck }) => {
    expect(image).toMatch(/:v?\d+\.\d+\.\d+[\w.-]*$/);
    expect(healthcheck!.test[0]).toBe('CMD');
  });

  it.each(all)('$name waits for the health of what it needs', ({ depends_on: needs }) => {
    for (const [needed, { condition }] of Object.entries(needs ?? {})) {
      expect(services).toHaveProperty(needed);
      expect(condition).toBe('service_healthy');
    }
  });

  it('starts Redis, gateway, Prometheus, Grafana in that order; engines only when asked', () => {
    expect(Object.keys(gateway.depends_on!)).toEqual(['redis']);
    expect(Object.keys(prometheus.depends_on!)).toEqual(['gateway']);
    expect(Object.keys(grafana.depends_on!)).toEqual(['prometheus']);
    const optional = all.filter(({ profiles }) => profiles).map(({ name, profiles }) => [name, profiles]);
    expect(optional).toEqual([
      ['simulated-upstream', ['simulated-upstream']],
      ['vllm', ['vllm']],
    ]);
  });

  it.each(ours)('$name is built from the Dockerfile and confined', (service) => {
    const { context, dockerfile } = service.build!;
    expect(normalize(join('docker', context, dockerfile))).toBe('docker/Dockerfile');
    expect(service.user).toBe('65532:65532');
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.mem_limit).toBeTruthy();
    expect(service.healthcheck!.test.at(-1)).toContain('http://127.0.0.1:9090/v1/ready');
  });

  it('gives the gateway Redis, its folder of configuration and time to drain', () => {
    expect(gateway.environment).toMatchObject({
      REDIS_URL: 'redis://redis:6379',
      CONFIG_PATH: '/app/config/gateway.yaml',
    });
    expect(gateway.volumes).toEqual(['./config:/app/config:ro']);
    expect(Number.parseInt(gateway.stop_grace_period!, 10)).toBeGreaterThan(125);
    expect(gateway.environment!.NODE_OPTIONS).toBe(
      `--max-old-space-size=${Number.parseInt(gateway.mem_limit!, 10) * 0.625}`,
    );
  });

  it('runs Redis without eviction and with an append-only file', () => {
    const command = redis.command!.join(' ');
    expect(command).toContain('--maxmemory-policy noeviction');
    expect(command).toContain('--appendonly yes');
    expect(redis.volumes).toEqual(['redis-data:/data']);
  });

  it('opens Grafana to admin / admin, provisioned', () => {
    expect(grafana.environment).toMatchObject({ GF_SECURITY_ADMIN_USER: 'admin', GF_SECURITY_ADMIN_PASSWORD: 'admin' });
    expect(grafana.volumes).toContain('./grafana/provisioning:/etc/grafana/provisioning:ro');
    const { providers } = readYaml<{ providers: { options: { path: string } }[] }>(
      'docker/grafana/provisioning/dashboards/gateway.yaml',
    );
    expect(grafana.volumes).toContain(`./grafana/dashboards:${providers[0]!.options.path}:ro`);
    const home = grafana.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!;
    expect(dirname(home)).toBe(providers[0]!.options.path);
    expect(exists('docker/grafana/dashboards/gateway.json')).toBe(true);
  });

  it('lets Prometheus scrape the operations listener and remember a month', () => {
    const scraped = readYaml<{ scrape_configs: { dns_sd_configs?: { names: string[]; port: number }[] }[] }>(
      'docker/prometheus/prometheus.yml',
    ).scrape_configs.flatMap((job) => job.dns_sd_configs ?? []);
    expect(scraped).toMatchObject([{ names: ['gateway'], port: 9090 }]);
    expect(prometheus.command).toContain('--storage.tsdb.retention.time=31d');
  });
});

describe('the gateway files of the platform', () => {
  it.each([
    'docker/config/gateway.yaml',
    'docker/config/upstream.yaml',
    'k8s/base/gateway.yaml',
    'k8s/overlays/prod/gateway.yaml',
  ])('%s loads', (path) => {
    const env = { lookup: (name: string) => `secret-of-${name}`, GATEWAY_ALLOW_CHAOS: false };
    const sources = { env, baseDir: dirname(path), kinds: PROVIDER_KINDS, readFile: () => '', wallNow: 0 };
    const { snapshot } = buildSnapshot(readText(path), sources);
    expect(snapshot.models.size).toBeGreaterThan(0);
  });
});

describe('the Dockerfile', () => {
  const text = readText('docker/Dockerfile');
  const final = text.slice(text.lastIndexOf('\nFROM '));

  it('pins its base and never runs the scripts of packages', () => {
    expect(text).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-/m);
    expect(text.match(/^FROM /gm)!.length).toBeGreaterThan(1);
    expect([...text.matchAll(/^FROM (\S+)/gm)].map((match) => match[1])).toEqual(Array(3).fill('${NODE_IMAGE}'));
    const installs = text.match(/npm (ci|install|i)\b.*/g)!;
    for (const line of installs) expect(line).toMatch(/^npm ci --ignore-scripts/);
  });

  it('runs as a user that owns nothing, on the ports of the surface', () => {
    expect(final).toContain('USER 65532:65532');
    expect(final).not.toContain('--chown');
    expect(final).toContain('EXPOSE 8000 9090');
    expect(final).toContain('NODE_ENV=production');
    expect(final).toContain('OPS_HOST=0.0.0.0');
    expect(final).toMatch(/HEALTHCHECK .*\n.*\/v1\/health/);
    expect(final).toMatch(/CMD \["node", .*"dist\/main.js"\]\n$/);
  });

  it('copies only what exists and what the build context lets through', () => {
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => match[1]!.split(' '));
    const allowed = readText('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    for (const path of copied) {
      expect(exists(path), path).toBe(true);
      expect(
        allowed.some((line) => line.slice(1).split('/')[0] === path.split('/')[0]),
        path,
      ).toBe(true);
    }
    expect(readText('.dockerignore').split('\n')).toContain('*');
  });
});
