import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ConfigError } from '../config/config-error.js';

/** The scenarios that come with the gateway. */
export const SHIPPED_SCENARIOS = join(import.meta.dirname, '..', '..', 'config', 'gamedays');

/** Names of the shipped scenarios. */
export function shippedScenarios(): readonly string[] {
  if (!existsSync(SHIPPED_SCENARIOS)) return [];
  const files = readdirSync(SHIPPED_SCENARIOS).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => basename(file, '.yaml')).sort();
}

/**
 * The text of a scenario: a file, or a shipped one by its name, with or without `scenarios/` and `.yaml`.
 * @throws ConfigError where there is neither
 */
export function readScenario(wanted: string): { readonly name: string; readonly text: string } {
  const name = basename(wanted, '.yaml');
  const path = existsSync(wanted) ? wanted : join(SHIPPED_SCENARIOS, `${name}.yaml`);
  try {
    return { name, text: readFileSync(path, 'utf8') };
  } catch {
    throw new ConfigError([`${wanted}: neither a file nor one of ${shippedScenarios().join(', ')}`]);
  }
}
