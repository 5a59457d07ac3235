import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sbom } from '../../scripts/sbom.mjs';
import { exists, pathOf, readText, readYaml, run } from './repository.js';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = JSON.parse(readText('package.json')) as Record<string, Record<string, string> | undefined>;
const lock = JSON.parse(readText('package-lock.json')) as { packages: Readonly<Record<string, LockedPackage>> };
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

const shipped = packages.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);

/** Packages that would run a script when they are installed. Nothing here needs it: installation runs none. */
const WITH_SCRIPTS = ['node_modules/@scarf/scarf', 'node_modules/protobufjs'];

/** What may be shipped with the gateway: permissive, without obligations beyond the notice. */
const ALLOWED_LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Python-2.0',
]);

describe('the lock file', () => {
  it('knows the content of every package, and takes each from the registry alone', () => {
    expect(packages.length).toBeGreaterThan(200);
    const unknown = packages.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''));
    expect(unknown.map(([path]) => path)).toEqual([]);
    // An address of its own would be another source: a repository, a file, or one machine's registry.
    expect(packages.filter(([, { resolved, link }]) => resolved !== undefined || link === true)).toEqual([]);
  });

  it('has no package with an install script but those that were looked at', () => {
    expect(packages.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path)).toEqual(WITH_SCRIPTS);
  });

  it('ships only what its licence lets be shipped', () => {
    expect(shipped.length).toBeGreaterThan(100);
    expect(shipped.filter(([, { license }]) => !ALLOWED_LICENCES.has(license ?? '')).map(([path]) => path)).toEqual([]);
  });

  it('agrees with the manifest, which names exact versions', () => {
    const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(wanted.length).toBeGreaterThan(20);
    for (const [name, version] of wanted) {
      expect([name, version]).toEqual([name, lock.packages[`node_modules/${name}`]?.version]);
    }
  });
});

describe('what is built from it', () => {
  it('is installed without scripts everywhere', () => {
    for (const path of ['docker/Dockerfile', '.ci/run', '.github/workflows/ci.yml']) {
      const installs = readText(path).match(/npm ci\b.*/g) ?? [];
      for (const install of installs)
        expect([path, install]).toEqual([path, expect.stringContaining('--ignore-scripts')]);
    }
  });

  it('uses actions pinned by commit', () => {
    const used = [...readText('.github/workflows/ci.yml').matchAll(/uses: (\S+)/g)].map((match) => match[1]!);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });

  it('is updated a week after a release at the earliest', () => {
    const { updates } = readYaml<{ updates: { 'package-ecosystem': string; cooldown: { 'default-days': number } }[] }>(
      '.github/dependabot.yml',
    );
    expect(updates.map((update) => update['package-ecosystem'])).toEqual(['npm', 'github-actions', 'docker']);
    for (const { cooldown } of updates) expect(cooldown['default-days']).toBeGreaterThanOrEqual(7);
  });

  it('lists what is shipped and nothing else, each with digest and licence, the same each time', () => {
    const bom = sbom();
    const wanted = shipped.map(([path, { version }]) => `${path.replace(/.*node_modules\//, '')}@${version ?? ''}`);
    expect(bom.components.map(({ name, version }) => `${name}@${version}`).sort()).toEqual([...new Set(wanted)].sort());
    for (const { name, hashes, licenses } of bom.components) {
      expect(hashes?.[0], name).toMatchObject({ alg: 'SHA-512' });
      expect(licenses, name).toHaveLength(1);
    }
    expect(bom.metadata.component.name).toBe('sre-inference-gateway');
    expect(sbom()).toEqual(bom);
  });

  it('is compiled to the same bytes again', { timeout: 120_000 }, () => {
    // As deep as the folder that the build uses: source maps hold the way back to the sources.
    const folder = mkdtempSync(pathOf('.cache/build-again-'));
    const compiled = run('node', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', folder);
    expect(compiled.status, compiled.output).toBe(0);
    for (const bundle of [
      ['scripts/bundle-server.mjs', folder],
      ['scripts/build-console.mjs', join(folder, 'console')],
    ]) {
      const bundled = run('node', ...bundle);
      expect(bundled.status, bundled.output).toBe(0);
    }
    const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
    expect(paths).toEqual(
      expect.arrayContaining(['main.js', 'bundle/main.js', 'bundle/main.js.map', 'console/index.html']),
    );
    const built = (path: string): Buffer => readFileSync(pathOf(join('dist', path)));
    const differing = paths.filter((path) => !readFileSync(join(folder, path)).equals(built(path)));
    rmSync(folder, { recursive: true });
    expect(differing).toEqual([]);
  });
});

describe('the threat model', () => {
  it('names files that exist', () => {
    const named = [...readText('SECURITY.md').matchAll(/`((?:src|test|docker|k8s|scripts|docs)\/[\w./-]+)`/g)];
    expect(named.length).toBeGreaterThan(20);
    expect(named.map((match) => match[1]!).filter((path) => !exists(path))).toEqual([]);
  });
});
