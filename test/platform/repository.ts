import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const pathOf = (path: string): string => join(ROOT, path);
export const exists = (path: string): boolean => existsSync(pathOf(path));
export const readText = (path: string): string => readFileSync(pathOf(path), 'utf8');

/** A YAML or JSON file of the repository; the caller names the shape that its checks rely on. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one place that says so
export const readYaml = <Shape>(path: string): Shape => parse(readText(path)) as Shape;

export function parseAll<Shape>(text: string): Shape[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Shape | null)
    .filter((value) => value !== null);
}

/**
 * Whether a tool that CI installs is here.
 * @throws Error in CI where it is not: there a check must not be skipped
 */
export function hasTool(name: string): boolean {
  const found = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
  if (!found && process.env.CI !== undefined) throw new Error(`CI must install ${name}.`);
  return found;
}

/** Runs a tool in the repository's root. */
export function run(tool: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(tool, args, { cwd: ROOT, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}
