/** The admin key of this tab: gone when the tab is closed. */
const STORED = 'sre-gateway-admin-key';

export function storedKey(): string | undefined {
  return sessionStorage.getItem(STORED) ?? undefined;
}

export function rememberKey(key: string): void {
  sessionStorage.setItem(STORED, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(STORED);
}
