import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's package `chromium`, or what hosted runners bring along. */
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** Without one the tests of the page in a browser are left out, and say so. */
export const hasChromium = CHROMIUM !== undefined;
export const WITHOUT_CHROMIUM =
  "no /usr/bin/chromium (Debian's package chromium): the console is not tested in a browser";

const STEP_MS = 20_000;

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

/** The console in a window of its own; `faults` collects what the browser complains about. */
export async function openConsole(
  browser: Browser,
  opsUrl: string,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly faults: readonly string[] }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  // Below the time limit of a test, so that a step that hangs is named.
  page.setDefaultTimeout(STEP_MS);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(opsUrl).origin) faults.push(`asked for ${request.url()}`);
  });
  await page.goto(`${opsUrl}/console`);
  return { page, faults };
}

export async function logIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('Admin key').fill(key);
  await page.keyboard.press('Enter');
}
