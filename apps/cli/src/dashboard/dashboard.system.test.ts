import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acmexApi } from '@acmex/api';
import { routes } from '@acmex/dashboard';
import {
  describeWith,
  eventually,
  freePort,
  removeFolder,
  startOpenIdProvider,
} from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { acmex } from '../terminal.testing.ts';
import { accessibilityFaults, overflow, signIn, startBrowser, visit } from './browser.testing.ts';

let folder: string;
let browser: Browser;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-dashboard-'));
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await removeFolder(folder);
});

/** Keeps a picture of what is seen for the guide, where `npm run record` asks for pictures. */
async function picture(page: Page, name: string): Promise<void> {
  const places = process.env.ACMEX_PICTURES;
  if (places === undefined) return;
  await loaded(page);
  await page.screenshot({ path: join(places, `dashboard-${name}.png`), animations: 'disabled' });
}

/** Waits until a screen has all that it asks the server for. */
async function loaded(page: Page): Promise<void> {
  const waiting = page.locator('.loading');
  while ((await waiting.count()) > 0) await waiting.first().waitFor({ state: 'detached' });
}

interface Running extends AsyncDisposable {
  readonly url: string;
  readonly key: string;
}

/** `acmex serve` with a configuration, until it is disposed of. */
async function startServer(
  port: number,
  toml: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const [file, stop] = [join(folder, `${port}.toml`), new AbortController()];
  await writeFile(file, toml, { mode: 0o600 });
  const args = ['serve', '--config', file, '--storage', join(folder, String(port))];
  const running = acmex([...args, '--addr', `127.0.0.1:${port}`, '-l', 'warn'], {
    env: { HOME: folder },
    signal: stop.signal,
  });
  const ended = running.then(({ stderr }) => {
    throw new Error(`the server has ended: ${stderr}`);
  });
  const address = `http://127.0.0.1:${port}/health/ready`;
  const ready = eventually(async () => (await fetch(address)).ok);
  await Promise.race([ready, ended]);
  return {
    url: `http://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      stop.abort('SIGTERM');
      await running;
    },
  };
}

/** `acmex demo --serve`, until it is disposed of. */
async function startDemo(name: string): Promise<Running> {
  const stop = new AbortController();
  const addr = `127.0.0.1:${await freePort()}`;
  let printed = '';
  let began: (key: string) => void;
  const key = new Promise<string>((resolve) => {
    began = resolve;
  });
  const running = acmex(['demo', '--serve', '--directory', join(folder, name), '--addr', addr], {
    signal: stop.signal,
    onStdout: (text) => {
      printed += text;
      const [, hexadecimal] = /^ {2}([0-9a-f]{64})$/m.exec(printed) ?? [];
      if (hexadecimal !== undefined) began(hexadecimal);
    },
  });
  const ended = running.then(({ stderr }) => {
    throw new Error(`the demonstration has ended: ${stderr}`);
  });
  return {
    url: `http://${addr}`,
    key: await Promise.race([key, ended]),
    async [Symbol.asyncDispose]() {
      stop.abort('SIGTERM');
      await running;
    },
  };
}

/** Runs in the page: whether the reason in a dialog has the focus, and is in the window. */
const reasonIsSeen = `(() => {
  const reason = document.querySelector('dialog [role=alert]');
  const { top, bottom } = reason.getBoundingClientRect();
  return document.activeElement.contains(reason) && top >= 0 && bottom <= innerHeight;
})()`;

describeWith(['chromium'], 'the dashboard', () => {
  let demo: Running;
  beforeAll(async () => {
    demo = await startDemo('demo');
  });
  afterAll(async () => await demo[Symbol.asyncDispose]());

  /** The address of each screen, with a certificate and an order that exist. */
  async function addresses(): Promise<readonly string[]> {
    const api = acmexApi(demo);
    const failing = (
      await api.GET('/api/certificates', { params: { query: { state: 'failing' } } })
    ).data.items[0];
    const ids = { certificate: failing?.id ?? '', order: failing?.order ?? '' };
    return Object.entries(routes).map(([screen, path]) =>
      path.replace(':id', ids[screen as keyof typeof ids] ?? ''),
    );
  }

  it('is sent with headers that let it run its own files alone, and keeps nothing of itself', async () => {
    const page = await fetch(demo.url);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('cache-control')).toBe('no-store');
    const [script = ''] = /\/assets\/main-\w+\.js/.exec(await page.text()) ?? [];
    const answers = await Promise.all(
      ['br', 'gzip', 'br;q=0, identity'].map(
        async (codings) =>
          await fetch(`${demo.url}${script}`, { headers: { 'accept-encoding': codings } }),
      ),
    );
    expect(answers.map(({ headers }) => headers.get('content-encoding'))).toEqual([
      'br',
      'gzip',
      null,
    ]);
    const texts = await Promise.all(answers.map(async (answer) => await answer.text()));
    expect(new Set(texts).size).toBe(1);
    expect(answers[0]?.headers.get('cache-control')).toContain('immutable');
    const again = await fetch(`${demo.url}${script}`, {
      headers: { 'if-none-match': answers[0]?.headers.get('etag') ?? '' },
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await fetch(`${demo.url}/assets/no-such.js`)).status).toBe(404);
  });

  it('says in the language of the page that a key is wrong, and stores none', async () => {
    await using window = await visit(browser);
    const { page } = window;
    await page.goto(`${demo.url}/certificates`);
    await page.getByLabel('API key').fill('0'.repeat(64));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The server does not know this key').waitFor();
    await page.getByLabel('API key').fill(demo.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Certificates' }).waitFor();
    const stored = await page.evaluate(
      'JSON.stringify([localStorage, sessionStorage, document.cookie])',
    );
    expect(stored).not.toContain(demo.key);
    const [cookie] = await window.context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    expect(window.faults).toEqual([]);
  });

  // What does not depend on colours is the same in both.
  describe.each([
    ['light', undefined],
    ['dark', ['color-contrast', 'link-in-text-block']],
  ] as const)('in the %s colour scheme', (colorScheme, rules) => {
    it('has screens in which axe finds nothing, and which ask no one but their server', async () => {
      await using window = await visit(browser, { colorScheme });
      const { page, requests } = window;
      await signIn(page, demo.url, demo.key);
      for (const address of await addresses()) {
        await page.goto(`${demo.url}${address}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await loaded(page);
        expect({ address, faults: await accessibilityFaults(page, rules) }).toEqual({
          address,
          faults: [],
        });
      }
      expect(requests.filter((url) => !url.startsWith(demo.url))).toEqual([]);
      expect(window.faults).toEqual([]);
    });
  });

  it('has screens that fit a window of 320 pixels', async () => {
    await using window = await visit(browser, { width: 320 });
    const { page } = window;
    await signIn(page, demo.url, demo.key);
    for (const address of await addresses()) {
      await page.goto(`${demo.url}${address}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await loaded(page);
      expect({ address, overflow: await overflow(page) }).toEqual({ address, overflow: 0 });
    }
    expect(window.faults).toEqual([]);
  });

  it('has a menu and dialogs for a keyboard in a window of 320 pixels', async () => {
    await using window = await visit(browser, { width: 320 });
    const { page } = window;
    await signIn(page, demo.url, demo.key);
    const menu = page.getByRole('button', { name: 'Menu' });
    const navigation = page.getByRole('navigation', { name: 'Navigation' });
    await expect(navigation.isVisible()).resolves.toBe(false);
    await menu.press('Enter');
    await navigation.waitFor();
    expect([await overflow(page), await accessibilityFaults(page)]).toEqual([0, []]);
    await page.keyboard.press('Escape');
    await navigation.waitFor({ state: 'hidden' });
    await page.keyboard.press('Enter');
    await navigation.getByRole('link', { name: 'Orders' }).press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Orders' }).waitFor();
    await expect(navigation.isVisible()).resolves.toBe(false);

    const { items } = (await acmexApi(demo).GET('/api/certificates')).data;
    await page.goto(`${demo.url}/certificates/${items[0]?.id}`);
    await page.getByRole('button', { name: 'Change…' }).press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Profile').focus();
    await dialog.getByLabel('Names').fill('no/name');
    await dialog.getByLabel('Profile').press('Enter');
    await dialog.getByRole('alert').waitFor();
    // The focus has scrolled to what is wrong.
    await expect(page.evaluate(reasonIsSeen)).resolves.toBe(true);
    expect(window.faults).toEqual([]);
  });

  it('leads a newcomer to the failing order and its reason, and to a certificate that is issued, downloaded and revoked', async () => {
    await using window = await visit(browser);
    const { page } = window;
    const press = async (name: string | RegExp) =>
      await page.getByRole('button', { name }).first().click();
    const confirm = async (name: string) =>
      await page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
    await signIn(page, demo.url, demo.key);
    await page.getByRole('heading', { name: 'Fails' }).waitFor();
    await picture(page, 'overview');

    await page
      .getByRole('link', { name: /broken\.demo\.test/ })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: /broken\.demo\.test/ }).waitFor();
    await page
      .getByText(/refused|cannot be reached/i)
      .first()
      .waitFor();
    await picture(page, 'failure');
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await page.getByRole('heading', { name: 'In the words of the CA' }).waitFor();
    await picture(page, 'failed-order');
    await press('Retry now');
    await confirm('Retry now');
    await page.getByText('The order is tried again.').waitFor();

    await page.getByRole('link', { name: 'Certificates', exact: true }).click();
    await page.getByRole('link', { name: 'New certificate' }).click();
    await page.getByLabel('Names').fill('fresh.demo.test\n*.fresh.demo.test');
    await page.getByText(/is a wildcard/).waitFor();
    await page.getByLabel('Names').fill('fresh.demo.test');
    await page.getByText(/is a wildcard/).waitFor({ state: 'detached' });
    await picture(page, 'new-certificate');
    await press('Order the certificate');
    await page.getByRole('link', { name: 'Open the issued certificate' }).waitFor();
    await picture(page, 'order');
    await page.getByRole('link', { name: 'Open the issued certificate' }).click();
    await page.getByRole('heading', { name: 'Chain', exact: true }).waitFor();
    await picture(page, 'certificate');

    const [download] = await Promise.all([page.waitForEvent('download'), press('Download')]);
    const pem = await readFile((await download.path()) ?? '', 'utf8');
    expect(new X509Certificate(pem).subjectAltName).toBe('DNS:fresh.demo.test');
    await press('Revoke');
    await page.getByLabel('Reason').selectOption({ label: 'another certificate replaces it' });
    await confirm('Revoke');
    await page.getByText('The CA has revoked it.').waitFor();

    await page.goto(`${demo.url}/audit`);
    for (const action of ['Certificate revoked', 'Certificate issued', 'Order made'])
      await page.getByRole('cell').getByText(action).first().waitFor();
    await picture(page, 'audit');
    expect(window.faults).toEqual([]);
  });

  it('labels all certificates of a filter, after it has said how many', async () => {
    await using window = await visit(browser);
    const { page } = window;
    const dialog = page.getByRole('dialog');
    await signIn(page, demo.url, demo.key);
    await page.goto(`${demo.url}/certificates?label=team%3Dbackend`);
    await page.getByRole('button', { name: 'Label…' }).click();
    await dialog.getByRole('textbox').fill('not a label');
    await dialog.getByRole('button', { name: 'Next' }).click();
    await dialog.getByText('"not a label" is not NAME=VALUE').waitFor();
    await dialog.getByRole('textbox').fill('seen=yes');
    await dialog.getByRole('button', { name: 'Next' }).click();
    await dialog.getByRole('heading', { name: 'Label: 4 certificates' }).waitFor();
    await dialog.getByRole('button', { name: 'Label', exact: true }).click();
    await page.getByText('Done for 4 certificates.').waitFor();
    const query = { label: 'seen=yes' };
    const { items } = (await acmexApi(demo).GET('/api/certificates', { params: { query } })).data;
    expect(items.map(({ labels }) => labels.team)).toEqual(Array(4).fill('backend'));
    expect(window.faults).toEqual([]);
  });

  it('ends within five seconds of the end of its session', async () => {
    await using window = await visit(browser);
    const { page } = window;
    await signIn(page, demo.url, demo.key);
    const api = acmexApi(demo);
    const { items } = (await api.GET('/api/sessions')).data;
    const newest = items.at(-1)?.id ?? '';
    await api.DELETE('/api/sessions/{id}', { params: { path: { id: newest } } });
    await page.getByText('Your session has ended').waitFor({ timeout: 5000 });
    await expect(page.getByText('demo.test').count()).resolves.toBe(0);
  });

  it('signs in at a provider of another site, says why that fails, and signs out', async () => {
    const port = await freePort();
    await using provider = await startOpenIdProvider({
      clientId: 'dashboard',
      redirectUris: [`http://localhost:${port}/api/sign-in/oidc/callback`],
    });
    const root = join(folder, 'provider.pem');
    await writeFile(root, provider.caCertificate);
    await using server = await startServer(
      port,
      `[network]\nca_certificates = [${JSON.stringify(root)}]
[server.oidc]\nissuer = "${provider.issuer}"\naudience = "acmex"\nclient_id = "dashboard"
login_name = "<b>Example</b>"\n`,
    );
    const { url } = server;
    provider.claims = { sub: 'alice', preferred_username: 'Alice', scope: 'certificates:read' };
    await using window = await visit(browser, { ignoreHTTPSErrors: true });
    const { page } = window;
    await page.goto(`${url}/certificates?state=due`);
    const signInLink = page.getByRole('link', { name: 'Sign in with <b>Example</b>' });
    await signInLink.click();
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('alert').getByText('The provider denied the sign-in.').waitFor();
    expect(page.url()).toBe(`${url}/certificates?state=due`);
    expect(await accessibilityFaults(page)).toEqual([]);
    await signInLink.click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Signed in as Alice (default)').waitFor();
    expect(page.url()).toBe(`${url}/certificates?state=due`);
    const cookies = await window.context.cookies(url);
    expect(cookies).toEqual([
      expect.objectContaining({ name: 'acmex', sameSite: 'Strict', httpOnly: true }),
    ]);
    await page.reload();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    expect(await window.context.cookies(url)).toEqual([]);
    expect(window.faults).toEqual([]);
  });
});
