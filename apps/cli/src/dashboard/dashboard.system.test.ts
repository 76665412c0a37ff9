import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acmexApi } from '@acmex/api';
import {
  describeWith,
  eventually,
  freePort,
  removeFolder,
  startOpenIdProvider,
} from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { acmex } from '../terminal.testing.ts';
import {
  accessibilityFaults,
  addressesOf,
  type Examples,
  loaded,
  lookAtDialogs,
  lookAtEach,
  moving,
  open,
  reflowFaults,
  signIn,
  startBrowser,
  tabTo,
  timeFaults,
  visit,
} from './browser.testing.ts';

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

/** Dialogs that the screens of the demonstration have buttons for. */
const dialogTitles = [
  'Cancel this order?',
  'Change the certificate',
  'Download the private key',
  'Make a key',
  'Make an address',
  'Make an external account',
  'New template',
  'Register an account',
  'Revoke a certificate of your own CA',
  'Revoke this certificate?',
  'Revoke: 11 certificates',
  'Try all again',
];

describeWith(['chromium'], 'the dashboard', () => {
  let demo: Running;
  beforeAll(async () => {
    demo = await startDemo('demo');
  });
  afterAll(async () => await demo[Symbol.asyncDispose]());

  /** Certificates and orders of the demonstration, one of each kind. */
  async function examples(): Promise<Examples> {
    const api = acmexApi(demo);
    const first = async (state: 'valid' | 'failing') => {
      const query = { state, contains: state === 'valid' ? 'www.demo' : 'broken' };
      return (await api.GET('/api/certificates', { params: { query } })).data.items[0];
    };
    const [issued, failing] = [await first('valid'), await first('failing')];
    const orders = (await api.GET('/api/orders')).data.items;
    return {
      ...{ issued: issued?.id ?? '', failing: failing?.id ?? '' },
      issuedOrder: orders.find(({ certificate }) => certificate === issued?.id)?.id ?? '',
      failedOrder: failing?.order ?? '',
    };
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

  it('sends no private key in any list, and lets no cache store an answer', async () => {
    const headers = { 'x-api-key': demo.key };
    const description = await fetch(`${demo.url}/openapi.json`, { headers });
    const { paths } = (await description.json()) as { readonly paths: Record<string, object> };
    const lists = Object.entries(paths)
      .filter(([path, methods]) => 'get' in methods && /^\/api\/[^{]+$/.test(path))
      .map(([path]) => path);
    expect(lists).toContain('/api/certificates');
    for (const path of lists) {
      const answer = await fetch(`${demo.url}${path}`, { headers });
      expect([path, answer.headers.get('cache-control')]).toEqual([path, 'no-store']);
      expect(await answer.text()).not.toMatch(/PRIVATE KEY|"(?:d|secret)":/);
    }
  });

  it('says in the language of the page that a key is wrong, and stores none', async () => {
    await using window = await visit(browser);
    const { page } = window;
    // An address leads to a screen of the page, whatever another page has added to it.
    const query = 'return=//evil.example&next=javascript:alert(1)&url=/%5Cevil.example';
    await page.goto(`${demo.url}/certificates?${query}`);
    await page.getByLabel('API key').fill('0'.repeat(64));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The server does not know this key').waitFor();
    await page.getByLabel('API key').fill(demo.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Certificates' }).waitFor();
    expect(page.url()).toBe(`${demo.url}/certificates?${query}`);
    expect(await window.stored()).not.toContain(demo.key);
    const [cookie] = await window.context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    expect(window.faults).toEqual([]);
  });

  it('has screens and dialogs that fit everyone: axe, 320 pixels, little motion, local times', async () => {
    await using window = await visit(browser);
    const { page, requests } = window;
    await signIn(page, demo.url, demo.key);
    const titles: string[] = [];
    const addresses = addressesOf(await examples());
    const faults = await lookAtEach(window, addresses, async (screen, address) => {
      await open(screen, `${demo.url}${address}`);
      const wrong = [
        ...(await accessibilityFaults(screen)),
        ...(await timeFaults(screen)),
        ...(await moving(screen)),
        ...(await reflowFaults(screen)),
      ];
      return [...wrong, ...(await lookAtDialogs(screen, titles))];
    });
    expect(faults).toEqual([]);
    expect(titles).toEqual(expect.arrayContaining(dialogTitles));
    expect(requests.filter((url) => !url.startsWith(demo.url))).toEqual([]);

    await page.goto(`${demo.url}/authority`);
    await page.getByRole('button', { name: 'Make an external account' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make' }).click();
    await page.getByRole('heading', { name: 'The new external account' }).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    expect(await moving(page)).not.toEqual([]);
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
    expect([await reflowFaults(page), await accessibilityFaults(page)]).toEqual([[], []]);
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

  it('leads a newcomer to the failing order and its reason', async () => {
    await using window = await visit(browser);
    const { page } = window;
    await signIn(page, demo.url, demo.key);
    await page.getByRole('heading', { name: 'Fails' }).waitFor();
    await picture(page, 'overview');
    const failing = page.getByRole('region', { name: 'Fails' });
    await failing.getByRole('link', { name: /broken\.demo\.test/ }).click();
    await page.getByRole('heading', { level: 1, name: /broken\.demo\.test/ }).waitFor();
    await page
      .getByText(/refused|cannot be reached/i)
      .first()
      .waitFor();
    await picture(page, 'failure');
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await page.getByRole('heading', { name: 'In the words of the CA' }).waitFor();
    await picture(page, 'failed-order');
    await page.getByRole('button', { name: 'Retry now' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry now' }).click();
    await page.getByText('The order is tried again.').waitFor();
    expect(window.faults).toEqual([]);
  });

  it('lets a person order, watch, download, renew and revoke by keyboard alone', async () => {
    await using window = await visit(browser);
    const { page } = window;
    const dialog = page.getByRole('dialog');
    const link = (name: string) => page.getByRole('link', { name, exact: true });
    const button = (name: string | RegExp) => page.getByRole('button', { name });
    const press = async (target: Locator, key = 'Enter') => {
      await tabTo(page, target);
      await page.keyboard.press(key);
    };
    await signIn(page, demo.url, demo.key);
    await press(link('Certificates'));
    await press(link('New certificate'));
    await tabTo(page, page.getByLabel('Names'));
    await page.keyboard.type('fresh.demo.test\n*.fresh.demo.test');
    await page.getByText(/is a wildcard/).waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('fresh.demo.test');
    await page.getByText(/is a wildcard/).waitFor({ state: 'detached' });
    await picture(page, 'new-certificate');
    await press(button('Order the certificate'));
    const issued = link('Open the issued certificate');
    await issued.waitFor();
    await picture(page, 'order');
    await press(issued);
    await page.getByRole('heading', { name: 'Chain', exact: true }).waitFor();
    await picture(page, 'certificate');

    const downloaded = async (target: Locator, key: string) => {
      const [file] = await Promise.all([page.waitForEvent('download'), press(target, key)]);
      return await readFile((await file.path()) ?? '', 'utf8');
    };
    const chain = await downloaded(button('Download'), 'Space');
    expect(new X509Certificate(chain).subjectAltName).toBe('DNS:fresh.demo.test');
    await press(button('With the private key'));
    await tabTo(page, dialog.getByLabel('Format'));
    await page.keyboard.press('Home');
    const pem = await downloaded(dialog.getByRole('button', { name: 'Download' }), 'Enter');
    expect(createPrivateKey(pem).asymmetricKeyType).toBe('ec');
    const secret = pem.split('\n')[1] ?? '';
    expect(`${await window.stored()} ${await page.content()}`).not.toContain(secret);

    await press(button('Renew now'), 'Space');
    // What is asked can be taken back, and the focus is where it was.
    await dialog.getByRole('heading').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await page.keyboard.press('Enter');
    await press(dialog.getByRole('button', { name: 'Renew now' }));
    await page.waitForURL(/\/orders\//);
    await press(issued);
    await press(button('Revoke'));
    const generations = page.getByLabel('Which').locator('option');
    await expect(generations.allInnerTexts()).resolves.toEqual([
      'generation 2, which is in use',
      'generation 1, which was replaced',
    ]);
    expect(await accessibilityFaults(page)).toEqual([]);
    await tabTo(page, page.getByLabel('Reason'));
    await page.keyboard.type('another');
    await press(dialog.getByRole('button', { name: 'Revoke' }));
    await page.getByText('The CA has revoked it.').waitFor();

    await press(link('Audit log'));
    for (const action of ['Certificate revoked', 'Certificate issued', 'Order made'])
      await page.getByRole('cell').getByText(action).first().waitFor();
    await picture(page, 'audit');
    expect(window.faults).toEqual([]);
  });

  it('labels and revokes all certificates of a filter, after it has said how many', async () => {
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

    await page.goto(`${demo.url}/certificates?search=git.demo.test`);
    await page.getByRole('button', { name: 'Revoke…' }).click();
    await dialog.getByRole('heading', { name: 'Revoke: 1 certificate' }).waitFor();
    await dialog.getByLabel('Reason').selectOption('superseded');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('Done for 1 certificate.').waitFor();
    await page.getByRole('row', { name: 'git.demo.test' }).getByText('revoked').waitFor();
    expect(window.faults).toEqual([]);
  });

  it('shows and downloads either certificate of one with two key types', async () => {
    const api = acmexApi(demo);
    const body = { names: ['two.demo.test'], secondKeyType: 'rsa-2048' as const };
    const { certificate } = (await api.POST('/api/orders', { body })).data;
    const params = { path: { id: certificate } };
    await eventually(
      async () => (await api.GET('/api/certificates/{id}', { params })).data.current !== undefined,
    );
    await using window = await visit(browser);
    const { page } = window;
    await signIn(page, demo.url, demo.key);
    await open(page, `${demo.url}/certificates/${certificate}`);
    await page.getByText('ec-p256 + rsa-2048').waitFor();
    await page.getByLabel('Key type').selectOption('rsa-2048');
    await page.getByRole('region', { name: 'Chain' }).getByText('rsa-2048').first().waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    const { publicKey } = new X509Certificate(await readFile((await file.path()) ?? ''));
    expect(publicKey.asymmetricKeyType).toBe('rsa');
    expect(window.faults).toEqual([]);
  });

  it('says that an order waits for records that a person sets, and leads to them', async () => {
    const api = acmexApi(demo);
    const { id, certificate } = (
      await api.POST('/api/orders', {
        body: { names: ['by-hand.demo.test'], challenge: 'dns-01', dnsProvider: 'manual' },
      })
    ).data;
    const params = { path: { id } };
    await eventually(
      async () => (await api.GET('/api/orders/{id}', { params })).data.records !== undefined,
    );
    await using window = await visit(browser);
    const { page } = window;
    await signIn(page, demo.url, demo.key);
    const mark = page.getByRole('link', { name: 'DNS records to set' });
    await mark.first().click();
    await page.getByText('order waits for DNS records').waitFor();
    await mark.click();
    const records = page.getByRole('heading', { name: 'Records to set by hand' });
    await records.waitFor();
    await picture(page, 'records');
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await reflowFaults(page)).toEqual([]);
    await open(page, `${demo.url}/certificates/${certificate}`);
    await page.getByRole('link', { name: 'Show the records' }).click();
    await records.waitFor();
    await api.DELETE('/api/orders/{id}', { params });
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
    provider.claims = {
      sub: 'alice',
      preferred_username: 'Alice',
      scope: 'certificates:read keys:read keys:write',
    };
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
    await open(page, `${url}/keys`);
    await page.getByRole('button', { name: 'Make a key' }).click();
    await page.getByText('a key that you make ends with this session').waitFor();
    expect(await page.getByLabel('Ends').getAttribute('max')).toMatch(/^\d{4}-/);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.reload();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    expect(await window.context.cookies(url)).toEqual([]);
    expect(window.faults).toEqual([]);
  });
});
