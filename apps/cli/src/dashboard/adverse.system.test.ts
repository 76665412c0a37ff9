import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { acmexApi } from '@acmex/api';
import { type Fault, hostileProblems, hostileText } from '@acmex/ca/faults';
import {
  describeWith,
  freePort,
  localCertificate,
  removeFolder,
  startProgram,
  startRedis,
} from '@acmex/services';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { type OwnCa, ownCa } from '../own-ca.testing.ts';
import { servingProgram } from '../server/serving-program.testing.ts';
import { acmex } from '../terminal.testing.ts';
import {
  addressesOf,
  lookAtEach,
  open,
  reflowFaults,
  signIn,
  startBrowser,
  visit,
} from './browser.testing.ts';

const markup = '<img src=x onerror=alert(1)>';
const key = randomBytes(32).toString('hex');
const passphrase = randomBytes(16).toString('hex');

/** What the CA does from now on. */
const behaviour: { isHostile: boolean; finalizes: Promise<void> } = {
  isHostile: false,
  finalizes: Promise.resolve(),
};
let release: () => void = () => undefined;
afterEach(() => release());

/** The CA answers no order from now on that is to be finalized. @returns what ends that */
function holdFinalize(): () => void {
  behaviour.finalizes = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}
const hostile = hostileProblems({
  on: ['newOrder'],
  text: `${markup}${hostileText}${'x'.repeat(10_000)}`,
});
const adverse: Fault = async (exchange, next) => {
  if (behaviour.isHostile) return await hostile(exchange, next);
  if (exchange.resource === 'finalize') await behaviour.finalizes;
  return await next();
};

let folder: string;
let browser: Browser;
let ca: OwnCa;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-adverse-'));
  browser = await startBrowser();
  ca = await ownCa({ faults: [adverse], name: `${markup}\u202e` });
  await writeFile(join(folder, 'root.pem'), ca.root);
});
afterAll(async () => {
  await browser.close();
  await ca[Symbol.asyncDispose]();
  await removeFolder(folder);
});

interface Place {
  readonly port: number;
  readonly url: string;
  readonly key: string;
}

interface Configured {
  /** Of its configuration. */
  readonly file: string;
  readonly place: Place;
}

/** Writes the configuration of a server. */
async function configure(settings = '', tables = ''): Promise<Configured> {
  const port = await freePort();
  const file = join(folder, `${port}.toml`);
  const configuration = `[server]
listen_addr = "127.0.0.1:${port}"
dashboard = true
api_keys = ["${key}"]
${settings}
[audit]
enabled = true
[acme]
ca = "custom"
ca_custom_url = "${ca.directory}"
ca_certificate = "${join(folder, 'root.pem')}"
tos_agreed = true
limits = { new_orders = { count = 300, period_secs = 10800 } }
[challenge.http01]
listen_addr = "127.0.0.1:${await freePort()}"
[challenge.dns01]
resolvers = ["127.0.0.1:${await freePort()}"]
${tables === '' ? `[storage]\nurl = "file:${join(folder, String(port))}"` : tables}
`;
  await writeFile(file, configuration, { mode: 0o600 });
  return { file, place: { port, url: `http://127.0.0.1:${port}`, key } };
}

/** What a server writes when it is at work. */
const begun = 'SIGTERM stops it';

/** `acmex serve` in this process, until it is disposed of. */
async function startServer(file: string, role = 'all') {
  const stop = new AbortController();
  let log = '';
  let began: () => void;
  const listening = new Promise<void>((resolve) => {
    began = resolve;
  });
  const running = acmex(['serve', '--config', file, '--role', role, '-l', 'debug'], {
    signal: stop.signal,
    env: { HOME: folder },
    onStderr: (text) => {
      log += text;
      if (log.includes(begun)) began();
    },
  });
  const ended = running.then(({ stderr }) => {
    throw new Error(`the server has ended: ${stderr}`);
  });
  await Promise.race([listening, ended]);
  return {
    log: () => log,
    async [Symbol.asyncDispose]() {
      ended.catch(() => undefined);
      stop.abort('SIGTERM');
      await running;
    },
  };
}

/** `acmex serve` as a process that has the API and does no work, until it is disposed of. */
async function startApi(configured: Promise<Configured>) {
  const { file, place } = await configured;
  const program = await startProgram({
    command: process.execPath,
    args: [await servingProgram(), 'serve', '--config', file, '--role', 'api'],
    env: { HOME: folder },
    ready: (log) => log.includes(begun),
  });
  return {
    ...place,
    async kill() {
      process.kill(program.pid, 'SIGKILL');
      await program[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: async () => await program[Symbol.asyncDispose](),
  };
}

/** Orders a certificate, and waits until it is issued or has failed. @returns the order's id */
async function order(server: Place, ...names: string[]): Promise<string> {
  const api = acmexApi(server);
  const { id } = (await api.POST('/api/orders', { body: { names } })).data;
  for await (const event of api.watchOrder(id))
    if (event.type === 'state' && event.failure) return id;
  return id;
}

/** Runs in the page: the elements with a text that has hidden characters. */
const misleadingElements = `[...document.querySelectorAll('title, body *')]
  .filter(({ childNodes }) => [...childNodes].some(({ nodeType, data }) =>
    nodeType === 3 && /[\\u202e\\u0000\\u001b]/.test(data)))
  .map((element) => element.closest('[class]')?.className + ' ' + element.parentElement.tagName + ' ' + element.tagName)`;

/** What is wrong where a page shows texts of others. */
async function textFaults(page: Page): Promise<readonly string[]> {
  const elements = await page.locator('img, iframe, body script').count();
  const text = `${await page.title()} ${await page.locator('body').innerText()}`;
  const misleading: readonly string[] = await page.evaluate(misleadingElements);
  return [
    ...(elements === 0 ? [] : [`${elements} elements come from a text`]),
    ...misleading.map((element) => `the text of ${element} changes what is around it`),
    ...(text.includes('[object Object]') ? ['an object is shown as text'] : []),
    ...(await reflowFaults(page)),
  ];
}

/** The fields of the API that have texts of other programs and people. */
const texts =
  /^(message|detail|cure|title|name|names|subject|issuer|agent|actor|createdBy|userAgent|receiver|error|value|program|address|description|url|termsOfService|profile|labels|contact|label)$/;

/** Returns an answer of the API with hostile text added to each text of others in it. */
function withHostileTexts(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withHostileTexts(item, field));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        withHostileTexts(member, field === 'labels' ? field : name),
      ]),
    );
  if (typeof value !== 'string' || !texts.test(field)) return value;
  return `${value}${markup}${hostileText}${'x'.repeat(10_000)}`;
}

describeWith(['chromium'], 'the dashboard, where others do harm', () => {
  let server: Place;
  let running: Awaited<ReturnType<typeof startServer>>;
  beforeAll(async () => {
    const { file, place } = await configure();
    server = place;
    running = await startServer(file);
  });
  afterAll(async () => await running[Symbol.asyncDispose]());

  it('shows what a CA and certificates say as text, and marks what cannot be seen', async () => {
    await using window = await visit(browser);
    const { page } = window;
    const issuedOrder = await order(server, 'issued.test');
    behaviour.isHostile = true;
    const failedOrder = await order(server, 'refused.test');
    behaviour.isHostile = false;
    const api = acmexApi(server);
    const { items } = (await api.GET('/api/certificates')).data;
    const certificateOf = (name: string) => items.find(({ names }) => names[0] === name)?.id ?? '';
    const [issued, failing] = [certificateOf('issued.test'), certificateOf('refused.test')];

    await signIn(page, server.url, key);
    await open(page, `${server.url}/orders/${failedOrder}`);
    await page.getByText(`${markup}\\u{1B}`, { exact: false }).first().waitFor();
    expect(await textFaults(page)).toEqual([]);
    await open(page, `${server.url}/certificates/${issued}`);
    await page.getByText('\\u{202E}').first().waitFor();
    expect(await textFaults(page)).toEqual([]);

    await open(page, `${server.url}/accounts`);
    await page.getByText(/^new-orders.* 29\d \/ 300, full again/).waitFor();

    await window.context.route(/\/api\/(?!orders\/\w+\/events)/, async (route) => {
      const answer = await route.fetch();
      if (!/json/.test(answer.headers()['content-type'] ?? ''))
        return await route.fulfill({ response: answer });
      const json = withHostileTexts(await answer.json());
      await route.fulfill({ response: answer, json });
    });
    const addresses = addressesOf({ issued, failing, issuedOrder, failedOrder });
    const faults = await lookAtEach(window, addresses, async (screen, address) => {
      await open(screen, `${server.url}${address}`);
      return await textFaults(screen);
    });
    expect(faults).toEqual([]);
    expect(window.faults).toEqual([]);
  });

  it('says that the server is lost, and shows what has happened in between when it is back', async () => {
    const finalize = holdFinalize();
    await using relay = await relayTo(server.port);
    await using window = await visit(browser);
    const { page, context } = window;
    await signIn(page, relay.url, key);
    const api = acmexApi(server);
    const { id } = (await api.POST('/api/orders', { body: { names: ['live.test'] } })).data;
    const live = await context.newPage();
    await open(page, `${relay.url}/certificates`);
    await open(live, `${relay.url}/orders/${id}`);
    await live.getByText('Live:').waitFor();
    await relay.cut();
    const [lost, lostLive] = [page, live].map((each) =>
      each.getByText('The server cannot be reached. What you see may be old'),
    ) as [Locator, Locator];
    await lost.waitFor();
    await lostLive.waitFor();
    finalize();
    for await (const event of api.watchOrder(id)) if (event.type === 'end') break;
    await relay.restore();
    await live.getByRole('link', { name: 'Open the issued certificate' }).waitFor();
    for (const step of ['Request for the certificate sent', 'Certificate downloaded'])
      await live.getByRole('cell', { name: step }).waitFor();
    await lost.waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /live\.test/ }).waitFor();
    expect(window.faults).toEqual([]);
  });

  it('says what to do where its scripts cannot be loaded', async () => {
    await using window = await visit(browser);
    const { page, context } = window;
    await context.route(/\.js$/, async (route) => await route.abort());
    await page.goto(server.url);
    await page.getByText('This page needs its scripts').waitFor();
    await context.unroute(/\.js$/);
    await page.getByRole('link', { name: 'Load the page again.' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await page.getByText('This page needs its scripts').count()).toBe(0);
    expect(window.faults.filter((fault) => !fault.startsWith('console: '))).toEqual([]);
  });

  it.each([
    ['are empty', {}],
    ['have items without fields', { items: [{}], scanned: 1, states: { valid: 1 } }],
  ])('says on each screen that something failed where answers %s', async (_, json) => {
    await using window = await visit(browser);
    const { page, context } = window;
    await signIn(page, server.url, key);
    await context.route(/\/api\/(?!session$)/, async (route) => await route.fulfill({ json }));
    const addresses = addressesOf({
      ...{ issued: 'crt_1', failing: 'crt_2', issuedOrder: 'ord_1', failedOrder: 'ord_2' },
    });
    const faults = await lookAtEach(window, addresses, async (screen, address) => {
      await open(screen, `${server.url}${address}`);
      const text = await screen.locator('body').innerText();
      return [
        ...((await screen.getByRole('navigation', { name: 'Navigation' }).isVisible())
          ? []
          : ['there is no navigation']),
        ...((await screen.locator('main').locator('[role=alert], .empty').count()) > 0
          ? []
          : [`nothing says why: ${text}`]),
        ...(text.match(/\w*Error\b.*|.*\b(undefined|null|NaN|Invalid)\b.*/) ?? []),
      ];
    });
    expect(faults).toEqual([]);
    // What the page shows is in the console with its cause; nothing else went wrong.
    expect(window.faults.filter((fault) => !fault.startsWith('console: '))).toEqual([]);
  });

  it('says at the sign-in, and after it, that something failed where answers are nothing', async () => {
    await using window = await visit(browser);
    const { page, context } = window;
    await context.route(/\/api\//, async (route) => await route.fulfill({ json: null }));
    await page.goto(server.url);
    await page.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The answer of the server cannot be read.').waitFor();
    expect(window.faults).toEqual([]);

    await context.route('**/api/session', async (route) => await route.continue());
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('Something in this part of the page').waitFor();
    expect(window.faults.filter((fault) => !fault.startsWith('console: '))).toEqual([]);
  });

  it('writes a private key that is downloaded, and its passphrase, into no log', async () => {
    await using window = await visit(browser);
    const { page } = window;
    const name = 'downloaded.test';
    await order(server, name);
    await signIn(page, server.url, key);
    await page.getByRole('link', { name: 'Certificates', exact: true }).click();
    await page.getByRole('link', { name }).click();
    await page.getByRole('button', { name: 'With the private key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Format').selectOption('pkcs8');
    await dialog.getByLabel('Passphrase').fill(passphrase);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'Download' }).click(),
    ]);
    const pem = await readFile(await file.path(), 'utf8');
    const texts = textsOf(createPrivateKey({ key: pem, passphrase }));
    const api = acmexApi(server);
    const logs = [
      running.log(),
      JSON.stringify((await api.GET('/api/audit')).data.items),
      JSON.stringify((await api.GET('/api/events')).data.items),
    ];
    const [log, audit, events] = logs;
    expect(log).toContain(name);
    for (const records of [audit, events]) expect(records).toContain('private_key_read');
    for (const text of [passphrase, ...texts, ...pem.trim().split('\n').slice(1, -1)])
      expect(logs.join('\n')).not.toContain(text);
  });
});

/** A private key on the P-256 curve in the forms that programs write. */
function textsOf(privateKey: KeyObject): readonly string[] {
  const { d = '' } = privateKey.export({ format: 'jwk' });
  const pems = (['pkcs8', 'sec1'] as const).map((type) =>
    String(privateKey.export({ format: 'pem', type })),
  );
  return [
    d,
    Buffer.from(d, 'base64url').toString('hex'),
    ...pems.flatMap((pem) => pem.trim().split('\n').slice(1, -1)),
  ];
}

/** A relay to a server, whose connections can be cut: nothing answers at its port then. */
async function relayTo(target: number) {
  const sockets = new Set<Socket>();
  const relay = createServer((inbound) => {
    const outbound = connect(target, '127.0.0.1');
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on('close', () => {
        sockets.delete(socket);
        inbound.destroy();
        outbound.destroy();
      });
      socket.on('error', () => socket.destroy());
    }
    inbound.pipe(outbound).pipe(inbound);
  });
  const listen = async (port: number) => {
    relay.listen(port, '127.0.0.1');
    await once(relay, 'listening');
    return (relay.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const cut = async () => {
    const closed = once(relay, 'close');
    relay.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    restore: async () => void (await listen(port)),
    [Symbol.asyncDispose]: cut,
  };
}

describeWith(
  ['chromium', 'redis-server', 'nginx'],
  'the dashboard of two servers on one Redis, behind nginx',
  () => {
    it('has one session for both, and continues through one when the other is killed', async () => {
      await using redis = await startRedis({ settings: { 'maxmemory-policy': 'noeviction' } });
      const tables = `[redis]\nurl = "${redis.url}"\n[storage.encrypted]\nencryption_key = "${key}"`;
      const configured = async () => await configure('trusted_proxies = ["127.0.0.1"]', tables);
      const [startsFirst, startsSecond] = [startApi(configured()), startApi(configured())];
      await using worker = await startServer((await configured()).file, 'worker');
      await using first = await startsFirst;
      await using second = await startsSecond;
      await using proxy = await startProxy([first, second]);
      await using window = await visit(browser, { ignoreHTTPSErrors: true });
      const { page } = window;

      await signIn(page, proxy.url, key);
      const cookies = await window.context.cookies();
      expect(await statusesOf([first, second], cookies)).toEqual([200, 200]);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('API key').waitFor();
      expect(await statusesOf([first, second], cookies)).toEqual([401, 401]);

      const finalize = holdFinalize();
      await signIn(page, proxy.url, key);
      const body = { names: ['team.test'] };
      const { id } = (await acmexApi(first).POST('/api/orders', { body })).data;
      const [stream] = await Promise.all([
        page.waitForResponse(/\/events$/),
        open(page, `${proxy.url}/orders/${id}`),
      ]);
      await page.getByText('Live:').waitFor();
      expect(new Set(await proxy.answeredBy())).toEqual(new Set([first.port, second.port]));
      const sending = [first, second].find(
        ({ port }) => stream.headers()['x-answered-by'] === `127.0.0.1:${port}`,
      );
      await sending?.kill();
      finalize();
      await page.getByRole('cell', { name: 'Certificate downloaded' }).waitFor();
      await page.getByRole('link', { name: 'Certificates', exact: true }).click();
      await page.getByRole('row', { name: /team\.test/ }).waitFor();
      expect(worker.log()).toContain(id);
      const answering = await statusesOf([first, second], await window.context.cookies());
      expect(answering.toSorted()).toEqual([0, 200]);
      expect(window.faults).toEqual([]);
    });
  },
);

/** What servers answer to a browser with these cookies, behind a proxy; 0 for one that is not there. */
async function statusesOf(
  servers: readonly Place[],
  cookies: readonly { readonly name: string; readonly value: string }[],
): Promise<readonly number[]> {
  const headers = {
    cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
    'x-forwarded-proto': 'https',
    'x-forwarded-for': '192.0.2.1',
  };
  return await Promise.all(
    servers.map(
      async ({ url }) =>
        await fetch(`${url}/api/session`, { headers }).then(
          ({ status }) => status,
          () => 0,
        ),
    ),
  );
}

/** nginx with TLS, which takes the servers in turn. */
async function startProxy(servers: readonly Place[]) {
  const { certificate, privateKey } = await localCertificate();
  const port = await freePort();
  const at = (name: string) => join(folder, name);
  await writeFile(at('proxy.pem'), certificate);
  await writeFile(at('proxy.key'), privateKey, { mode: 0o600 });
  await writeFile(
    at('nginx.conf'),
    `daemon off; master_process off; pid ${at('nginx.pid')}; error_log stderr notice;
events {}
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  log_format upstream 'answered by $upstream_addr';
  access_log ${at('access.log')} upstream;
  upstream acmex { ${servers.map((each) => `server 127.0.0.1:${each.port};`).join(' ')} }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${at('proxy.pem')}; ssl_certificate_key ${at('proxy.key')};
    location / {
      proxy_pass http://acmex;
      add_header X-Answered-By $upstream_addr always;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}`,
  );
  const nginx = await startProgram({
    command: 'nginx',
    args: ['-p', folder, '-c', at('nginx.conf'), '-e', 'stderr'],
    ready: (log) => log.includes('nginx/'),
  });
  return {
    url: `https://localhost:${port}`,
    answeredBy: async () =>
      [
        ...(await readFile(at('access.log'), 'utf8')).matchAll(/answered by 127\.0\.0\.1:(\d+)/g),
      ].map(([, port]) => Number(port)),
    [Symbol.asyncDispose]: async () => await nginx[Symbol.asyncDispose](),
  };
}
