// What the dashboard costs the reader and the server, with many certificates: Debian's Chromium on
// the real server.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { inRounds, median, root } from './prepare.mjs';
import { cpuOf } from './processes.mjs';
import { sharedBy, startServer } from './serving.mjs';
import { storedCertificates } from './stored-certificates.mjs';
import { tableOf } from './tables.mjs';

export const title = 'The dashboard';
const certificates = 100_000;
const rowsPaged = 10_000;
const orders = 200;
const watched = 10_000;
const times = 5;
const left = {};
const filters = {
  'a name': { search: 'www.host-77777.example.test' },
  'a domain': { search: '.host-77777.example.test' },
  'a part of a name': { search: 'host-77777' },
  'the order by expiry': { sort: 'expiry' },
};

export async function measure(bench) {
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-dashboard-'));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  try {
    const stored = await storedCertificates(certificates);
    await stored.intoFiles(join(folder, 'data'));
    const rounds = await inRounds(bench.rounds, async () => ({
      ...(await ofPages(bench, { folder, browser })),
      orders: await ofLiveOrders(bench, folder),
    }));
    return {
      title,
      text: `Debian's Chromium with \`acmex serve\` and ${certificates.toLocaleString('en')} certificates in files. First content: from the start of the navigation, with an empty cache of the browser, until the list or the counts of the overview are there, by the server's answers, and not only the frame around them; the median of ${times}. A filter: from the click on "Search" until its rows are there. Memory: the JavaScript heap of the page, after its collection, once ${rowsPaged.toLocaleString('en')} rows were paged through by "Next page". Live orders: \`acmex serve --role api\` on Redis and no worker; the processor time of the server while ${orders} connections follow an order each for ${watched / 1000} seconds, less that of as many seconds without them.`,
      rows: promises(rounds),
      tables: [
        tableOf([
          { name: 'overview', unit: 'ms', figures: rounds.map(({ overview }) => overview) },
          { name: 'list', unit: 'ms', figures: rounds.map(({ list }) => list) },
          ...Object.keys(filters).map((name) => ({
            name,
            unit: 'ms',
            figures: rounds.map((round) => round.filters[name]),
          })),
        ]),
      ],
      left,
    };
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function ofPages(bench, { folder, browser }) {
  const { port, key, end } = await startServer({
    port: await bench.freePort(),
    folder,
    args: ['--storage', join(folder, 'data')],
    env: {},
  });
  const url = `http://127.0.0.1:${port}`;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Navigation' }).waitFor();
    const cdp = await context.newCDPSession(page);
    await cdp.send('Network.enable');
    const overview = await firstContent({ page, cdp }, `${url}/`, '.panel.strip');
    const list = await firstContent({ page, cdp }, `${url}/certificates`, 'tbody tr');
    const filtering = {};
    for (const [name, filter] of Object.entries(filters))
      filtering[name] = await filtered(page, url, filter);
    return { overview, list, filters: filtering, heap: await pagedThrough({ page, cdp }, url) };
  } finally {
    await context.close();
    await end();
  }
}

/** Milliseconds from the start of the navigation until an element is there. */
async function firstContent({ page, cdp }, url, selector) {
  const all = [];
  for (let time = 0; time < times; time += 1) {
    await cdp.send('Network.clearBrowserCache');
    await page.goto(url, { waitUntil: 'commit' });
    await page.waitForSelector(selector);
    // From the same clock as the start of the navigation.
    all.push(await page.evaluate('performance.now()'));
  }
  return median(all);
}

/** Milliseconds from the request for a filter until its rows are there. */
async function filtered(page, url, { search, sort }) {
  const all = [];
  for (let time = 0; time < times; time += 1) {
    await page.goto(`${url}/certificates`);
    await page.waitForSelector('tbody tr');
    await page.getByLabel('Search names').fill(search ?? '');
    if (sort) await page.getByLabel('Sort by').selectOption(sort);
    const first = await page.locator('tbody tr').first().textContent();
    const begun = performance.now();
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await (sort
      ? page.waitForURL(/sort=/).then(async () => await page.waitForSelector('tbody tr'))
      : page.locator('tbody tr', { hasText: 'host-77777' }).waitFor());
    all.push(performance.now() - begun);
    if (!sort && first.includes('host-77777')) throw new Error('the filter changed nothing');
  }
  return median(all);
}

/** The heap in MB after many pages. */
async function pagedThrough({ page, cdp }, url) {
  await page.goto(`${url}/certificates`);
  const firstRow = page.locator('tbody tr').first();
  await firstRow.waitFor();
  for (let rows = 0; rows < rowsPaged;) {
    rows += await page.locator('tbody tr').count();
    const name = await firstRow.getByRole('link').first().textContent();
    await page.getByRole('link', { name: 'Next page' }).click();
    await firstRow.filter({ hasNotText: name }).waitFor();
  }
  await cdp.send('HeapProfiler.collectGarbage');
  await cdp.send('Performance.enable');
  const { metrics } = await cdp.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize').value / 1e6;
}

/** The share of a core, in percent, that open streams of orders cost. */
async function ofLiveOrders(bench, folder) {
  const redis = await bench.startRedis();
  try {
    const shared = sharedBy(redis.url, randomBytes(32).toString('hex'));
    const server = await startServer({ port: await bench.freePort(), folder, ...shared });
    try {
      const ids = [];
      for (let n = 0; n < orders; n += 1) {
        const json = { names: [`live-${n}.bench.test`] };
        const { text } = await server.ask('/api/orders', { method: 'POST', json });
        ids.push(JSON.parse(text).id);
      }
      const idle = await busy(server);
      const streams = await Promise.all(ids.map(async (id) => await follow(server, id)));
      const live = await busy(server);
      const ended = streams.filter(({ stream }) => stream.destroyed || stream.complete);
      for (const { request } of streams) request.destroy();
      if (ended.length > 0) throw new Error(`${ended.length} streams ended by themselves`);
      return live - idle;
    } finally {
      await server.end();
    }
  } finally {
    await redis[Symbol.asyncDispose]();
  }
}

/** The processor time of a server as a percentage of the time that passes. */
async function busy({ child: { pid } }) {
  const [begun, before] = [performance.now(), await cpuOf(pid)];
  await new Promise((resolve) => {
    setTimeout(resolve, watched);
  });
  return (100 * ((await cpuOf(pid)) - before)) / (performance.now() - begun);
}

/** Opens the stream of an order, and returns once something has come of it. */
async function follow({ port, key }, id) {
  return await new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path: `/api/orders/${id}/events`, headers: { 'x-api-key': key } },
      (stream) => {
        if (stream.statusCode !== 200)
          reject(new Error(`the stream answered ${stream.statusCode}`));
        else stream.once('data', () => resolve({ request, stream }));
        stream.on('error', () => undefined).resume();
      },
    ).on('error', reject);
  });
}

function promises(rounds) {
  const of = (figure) => rounds.map(figure);
  return [
    {
      figure: 'first content, overview',
      unit: 'ms',
      ours: of(({ overview }) => overview),
      goals: [{ atMost: 1000 }],
    },
    {
      figure: 'first content, list',
      unit: 'ms',
      ours: of(({ list }) => list),
      goals: [{ atMost: 1000 }],
    },
    ...Object.keys(filters).map((name) => ({
      figure: `a filter: ${name}`,
      unit: 'ms',
      ours: of((round) => round.filters[name]),
      goals: [{ atMost: 300 }],
    })),
    {
      figure: `heap after ${rowsPaged.toLocaleString('en')} rows`,
      unit: 'MB',
      ours: of(({ heap }) => heap),
      goals: [{ atMost: 100 }],
    },
    {
      figure: `${orders} live orders, share of a core`,
      unit: '%',
      ours: of((round) => round.orders),
      goals: [{ atMost: 10 }],
    },
  ];
}
