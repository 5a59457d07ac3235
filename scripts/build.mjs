// Compiles src into dist when it is stale. Never empties dist, and may run several times at once: each build
// compiles into a folder of its own and renames file by file, so that a running gateway never sees half a file.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stamp = join(dist, '.built');

export function build() {
  const inputs = newest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
  const staging = join(root, '.cache', `build-${process.pid}`);
  rmSync(staging, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', staging];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2], cwd: root });
  if (status !== 0) {
    rmSync(staging, { recursive: true, force: true });
    process.exit(status ?? 1);
  }
  for (const file of files(staging)) {
    const target = join(dist, relative(staging, file));
    mkdirSync(dirname(target), { recursive: true });
    renameSync(file, target);
  }
  rmSync(staging, { recursive: true, force: true });
  writeFileSync(stamp, inputs);
}

// The sources' names and times: equal means that dist holds what they compile to.
function newest() {
  const sources = [
    ...files(join(root, 'src')),
    join(root, 'package.json'),
    join(root, 'tsconfig.json'),
    join(root, 'tsconfig.build.json'),
  ];
  return sources
    .filter((file) => !/\.(spec|suite)\.ts$/.test(file))
    .map((file) => `${relative(root, file)} ${statSync(file).mtimeMs}`)
    .sort()
    .join('\n');
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
