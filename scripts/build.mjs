// Compiles src into dist, and the console into dist/console, when they are stale. Never empties dist, and may run
// several times at once: each build compiles into a folder of its own and renames file by file, so that a running
// gateway never sees half a file.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const consoleSources = join(root, 'src', 'console');

export function build() {
  buildServer();
  buildConsole();
}

function buildServer() {
  const inputs = [
    ...files(join(root, 'src')).filter((file) => !file.startsWith(consoleSources)),
    ...['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => join(root, name)),
  ];
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const bundler = join(root, 'scripts', 'bundle-server.mjs');
  refresh('.built', [...inputs, bundler], dist, [
    [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir'],
    [bundler],
  ]);
}

function buildConsole() {
  const bundler = join(root, 'scripts', 'build-console.mjs');
  const inputs = [...files(consoleSources), bundler, join(root, 'package.json')];
  refresh('.built-console', inputs, join(dist, 'console'), [[bundler]]);
}

// Runs Node commands, which write into the folder of their last argument, where the stamp says that it is needed.
function refresh(stampName, inputs, output, commands) {
  const stamp = join(dist, stampName);
  const state = stateOf(inputs);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  const staging = join(root, '.cache', `build${stampName}-${process.pid}`);
  rmSync(staging, { recursive: true, force: true });
  for (const command of commands) {
    const { status } = spawnSync(process.execPath, [...command, staging], { stdio: ['ignore', 2, 2], cwd: root });
    if (status !== 0) {
      rmSync(staging, { recursive: true, force: true });
      process.exit(status ?? 1);
    }
  }
  for (const file of files(staging)) {
    const target = join(output, relative(staging, file));
    mkdirSync(dirname(target), { recursive: true });
    renameSync(file, target);
  }
  rmSync(staging, { recursive: true, force: true });
  writeFileSync(stamp, state);
}

// The sources' names and times: equal means that dist holds what they compile to.
function stateOf(sources) {
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
