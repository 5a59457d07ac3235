export const LIMITS: { readonly key: number; readonly team: number; readonly org: number };
export function orgAt(elapsedMs: number): string;
