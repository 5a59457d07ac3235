import { type ProviderKind } from './provider-snapshot.js';

/** The wire formats that a file may name. */
export const PROVIDER_KINDS: readonly ProviderKind[] = [
  { kind: 'openai', needsBaseUrl: true },
  { kind: 'vllm', needsBaseUrl: true },
  { kind: 'anthropic', needsBaseUrl: true },
  { kind: 'simulated', needsBaseUrl: false },
];
