// Prints the bill of materials of what the image installs, as CycloneDX. npm knows the format; what would differ from
// one run to the next (time, serial number, name of the folder) is taken out, so that two of the same lockfile are equal.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(fileURLToPath(import.meta.url), '..', '..');

export function sbom() {
  const { name } = read('package.json');
  const flags = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const { status, stdout, stderr } = spawnSync('npm', ['sbom', ...flags], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const bom = JSON.parse(stdout);
  const installed = installedRefs();
  bom.components = bom.components.filter((component) => installed.has(component['bom-ref']));
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => ref === bom.metadata.component['bom-ref'] || installed.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => installed.has(other)) }));
  delete bom.metadata.timestamp;
  bom.metadata.component.name = name;
  bom.serialNumber = serialNumber(JSON.stringify([bom.metadata.component, bom.components, bom.dependencies]));
  return bom;
}

// npm sbom --omit dev leaves out what a tool needs as well, and with it packages that the gateway cannot do without.
function installedRefs() {
  const entries = Object.entries(read('package-lock.json').packages);
  const installed = entries.filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional);
  return new Set(
    installed.map(([path, { name, version }]) => `${name ?? path.replace(/^.*node_modules\//, '')}@${version}`),
  );
}

const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));

// A UUID (RFC 9562, version 8) made of the content.
function serialNumber(content) {
  const hex = createHash('sha256').update(content).digest('hex');
  const variant = (8 + (Number.parseInt(hex[16], 16) % 4)).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return `urn:uuid:${[...parts, hex.slice(20, 32)].join('-')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(sbom(), null, 2));
