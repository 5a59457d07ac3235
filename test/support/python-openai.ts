import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const VERSION = '3.54.0';
const FOLDER = join(import.meta.dirname, '..', '..', '.cache', 'python-openai');
const PYTHON = join(FOLDER, 'bin', 'python');
/** Installing it the first time, ms. */
const PATIENCE_MS = 180_000;

/** A Python that has the `openai` package, or why there is none. */
export type PythonOpenai = { readonly python: string } | { readonly missing: string };

/** Prepares a virtual environment below `.cache` once; later calls find it. */
export function pythonOpenai(): PythonOpenai {
  if (installed()) return { python: PYTHON };
  const steps = [
    ['python3', '-m', 'venv', '--clear', FOLDER],
    [PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `openai==${VERSION}`],
  ] as const;
  for (const [command, ...args] of steps) {
    const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: PATIENCE_MS });
    const said = error?.message ?? stderr.trim().split('\n').at(-1);
    if (error ?? status !== 0) return { missing: `${command} ${args.slice(0, 3).join(' ')}: ${said ?? ''}` };
  }
  return { python: PYTHON };
}

function installed(): boolean {
  const { stdout, status } = spawnSync(PYTHON, ['-c', 'import openai; print(openai.__version__)'], {
    encoding: 'utf8',
  });
  return status === 0 && stdout.trim() === VERSION;
}
