/** What the visitor chose over the system's preference; `system` = nothing. */
export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

const STORED = 'sre-gateway-theme';

export function storedTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  return THEMES.find((theme) => theme === stored) ?? 'system';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', theme);
  localStorage.setItem(STORED, theme);
  document.dispatchEvent(new Event('themechange'));
}

/** Calls `listener` whenever colours change; returns the call that ends it. */
export function onThemeChange(listener: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  document.addEventListener('themechange', listener);
  system.addEventListener('change', listener);
  return () => {
    document.removeEventListener('themechange', listener);
    system.removeEventListener('change', listener);
  };
}

/** A colour of the style sheet as a canvas takes it. */
export function colourOf(token: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
