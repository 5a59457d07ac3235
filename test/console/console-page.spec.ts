import { type AxeResults } from 'axe-core';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasChromium, launchChromium, logIn, openConsole, WITHOUT_CHROMIUM } from '../support/console-page.js';
import { GatewayProcess } from '../support/gateway-process.js';

const ADMIN = 'admin-secret-0123456789';
const CLIENT = 'client-secret-0123456789';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const config = {
  version: 1,
  auth: {
    anonymous: { enabled: true },
    keys: [
      { id: 'ops', secret: ADMIN, role: 'admin' },
      {
        id: 'app',
        secret: CLIENT,
        limits: { requestsPerMinute: 600 },
        budgets: [{ scope: 'key', window: '1d', usd: 1 }],
      },
    ],
  },
  providers: [
    { name: 'first', kind: 'simulated', simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 4 } },
    { name: 'second', kind: 'simulated', simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 4 } },
  ],
  models: [
    {
      name: 'm',
      targets: ['first', 'second'].map((provider) => ({ provider, model: 'x' })),
      price: { inputPerMillion: 1, outputPerMillion: 2 },
    },
  ],
  chaos: { enabled: true },
  resilience: { breaker: { consecutiveFaults: 3, openMs: 200, maxOpenMs: 200, probeSuccesses: 1, slowStartMs: 0 } },
};
const env = { GATEWAY_ALLOW_CHAOS: '1' };

if (!hasChromium) process.stderr.write(`${WITHOUT_CHROMIUM}\n`);

describe.skipIf(!hasChromium)('the console in a browser', () => {
  let browser: Browser;
  let gateway: GatewayProcess;
  let page: Page;
  let faults: readonly string[];

  beforeAll(async () => (browser = await launchChromium()));
  afterAll(() => browser.close());
  beforeEach(async () => {
    gateway = await GatewayProcess.start({ config, env });
    ({ page, faults } = await openConsole(browser, gateway.opsUrl));
  });
  afterEach(async () => {
    await page.context().close();
    await gateway.stop();
  });

  const send = async (headers: Readonly<Record<string, string>> = {}): Promise<void> => {
    const body = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] };
    await (await gateway.post(body, { authorization: `Bearer ${CLIENT}`, ...headers })).text();
  };
  const asAdmin = async (): Promise<void> => {
    await logIn(page, ADMIN);
    await page.getByText('serving').waitFor();
  };
  const seriousFaults = async (): Promise<unknown> => {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResults>('axe.run()');
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) }));
  };

  it('shows nothing to a wrong key and to a client, and says why', async () => {
    for (const [key, reason] of [
      ['nobody-knows-this-key', 'Incorrect API key provided.'],
      [CLIENT, 'This key is not an admin’s.'],
    ] as const) {
      await logIn(page, key);
      await page.getByRole('alert').filter({ hasText: reason }).waitFor();
      expect(await page.getByRole('heading', { name: 'Targets' }).count()).toBe(0);
      expect(await page.evaluate('sessionStorage.length')).toBe(0);
    }
  });

  it('keeps the key in the tab alone, asks nobody else, and breaks none of its own rules', async () => {
    await asAdmin();
    await page.getByRole('heading', { name: 'Recent requests' }).waitFor();
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).not.toContain(ADMIN);
    await page.reload();
    await page.getByText('serving').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Admin key').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(faults).toEqual([]);
  });

  it('drains a provider after a confirmation, by keyboard alone, and takes it back', async () => {
    await asAdmin();
    await page.getByRole('button', { name: 'Drain first' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Drain first?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Drain first?' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('[data-provider=first]').getByText('drained').waitFor();
    for (let turn = 0; turn < 6; turn++) await send();
    const routes = page.locator('.request-list tbody tr td:nth-child(6)');
    await expect.poll(() => routes.allTextContents()).toEqual(Array.from({ length: 6 }, () => 'second'));
    await page.getByRole('button', { name: 'Undrain first' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Undrain' }).click();
    await page.getByRole('button', { name: 'Drain first' }).waitFor();
    await page.locator('#audit').getByText('undrain').waitFor();
  });

  it('starts an experiment, shows the breaker open and traffic move, ends it, and shows the recovery', async () => {
    await asAdmin();
    const breaker = page.locator('[data-target="first/x"] .badge').first();
    const newestRoute = page.locator('.request-list tbody tr:first-child td:nth-child(6)');
    const sendUntil = async (state: RegExp): Promise<void> => {
      await expect
        .poll(
          async () => {
            await send({ 'x-provider-priority': 'first' });
            return breaker.textContent();
          },
          { timeout: 20_000, interval: 100 },
        )
        .toMatch(state);
    };
    await sendUntil(/^closed/);
    await expect.poll(() => newestRoute.textContent()).toBe('first');

    await page.getByRole('button', { name: 'Chaos at first' }).click();
    await page.getByRole('button', { name: 'Start experiment' }).click();
    await page.locator('[data-experiment=first-error]').waitFor();
    await sendUntil(/^open/);
    await expect.poll(() => newestRoute.textContent(), { timeout: 5_000 }).toMatch(/second$/);
    await page.locator('#requests').getByLabel('Show requests').selectOption('more than one attempt');
    await page.locator('.request-list button.link').first().click();
    const attempts = page.locator('#requests .attempts li');
    expect(await attempts.allTextContents()).toEqual([
      expect.stringMatching(/^first.*fault/),
      expect.stringMatching(/^second.*success/),
    ]);

    await page.getByRole('button', { name: 'End first-error' }).click();
    await page.getByRole('button', { name: 'End experiment' }).click();
    await page.getByText('None runs').waitFor();
    await sendUntil(/^closed/);
    await page.locator('#requests').getByLabel('Show requests').selectOption('all');
    await expect.poll(() => newestRoute.textContent(), { timeout: 5_000 }).toBe('first');
    const changes = page.locator('#audit li');
    await expect
      .poll(() => changes.allTextContents(), { timeout: 10_000 })
      .toEqual([expect.stringContaining('chaos-stop'), expect.stringContaining('chaos-start')]);
  });

  it('streams a completion and shows the way it took', async () => {
    await asAdmin();
    await page.getByLabel('First provider').selectOption('second');
    await page.locator('#playground').getByRole('button', { name: 'Send' }).click();
    await page.getByRole('log').getByText('Hello!').waitFor();
    const attempts = page.locator('#playground .attempts li');
    await attempts.waitFor();
    expect(await attempts.allTextContents()).toEqual([expect.stringMatching(/^second.*success/)]);
  });

  it('explains what would become of a request', async () => {
    await asAdmin();
    await page.locator('#explain').getByLabel('Key').selectOption('app');
    await page.locator('#explain').getByRole('button', { name: 'Explain' }).click();
    await page.getByText('would be served').waitFor();
    expect(await page.locator('#explain tbody tr').count()).toBe(2);
  });

  it('says what another file would change, and what is wrong with a bad one', async () => {
    await asAdmin();
    await page.getByText('Compare a file').click();
    const candidate = page.getByLabel('Candidate (YAML)');
    const compare = page.getByRole('button', { name: 'Compare' });
    await candidate.fill(JSON.stringify({ ...config, slo: { availability: 0.99 } }));
    await compare.click();
    await page.getByText('would be accepted').waitFor();
    await page.locator('.lines').getByText('availability').waitFor();
    await candidate.fill('version: 2');
    await compare.click();
    await page.getByText('would be refused').waitFor();
  });

  it('says that the gateway is gone, keeps what it heard last, and is back when the gateway is', async () => {
    await asAdmin();
    const { port } = new URL(gateway.opsUrl);
    await gateway.stop();
    await page.getByRole('alert').getByText('The gateway does not answer').waitFor();
    await page.getByText('unreachable').waitFor();
    expect(await page.locator('[data-provider=first]').count()).toBe(1);
    gateway = await GatewayProcess.start({ config, env: { ...env, OPS_PORT: port } });
    await page.getByText('serving').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('asks for a key again when its own is taken out of the file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'console-'));
    const path = join(folder, 'gateway.yaml');
    writeFileSync(path, JSON.stringify(config));
    const other = await GatewayProcess.start({ env: { ...env, CONFIG_PATH: path } });
    await page.goto(`${other.opsUrl}/console`);
    await asAdmin();
    writeFileSync(path, JSON.stringify(config).replace(ADMIN, 'another-secret-0123456789'));
    await page.getByRole('alert').getByText('Incorrect API key provided.').waitFor();
    expect(await page.getByRole('heading', { name: 'Targets' }).count()).toBe(0);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await other.stop();
    rmSync(folder, { recursive: true });
  });

  it.each(['light', 'dark'] as const)('has no serious fault of accessibility, %s', async (theme) => {
    expect(await seriousFaults()).toEqual([]);
    await asAdmin();
    await page.getByLabel('Theme').selectOption(theme);
    await send();
    await page.locator('.request-list button.link').click();
    await page.locator('#explain').getByRole('button', { name: 'Explain' }).click();
    await page.getByText('would be served').waitFor();
    expect(await seriousFaults()).toEqual([]);
    await page.getByRole('button', { name: 'Weight of first' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await seriousFaults()).toEqual([]);
  });

  it('fits a phone without scrolling sideways', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await asAdmin();
    await send();
    await page.locator('.request-list button.link').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });
});
