import { AxeBuilder } from '@axe-core/playwright';
import type { Screen } from '@acmex/dashboard';
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';

/** What exists while the suite looks at the screens. */
export interface Examples {
  /** The id of a certificate that was issued, and of one that cannot be. */
  readonly issued: string;
  readonly failing: string;
  /** The ids of their orders. */
  readonly issuedOrder: string;
  readonly failedOrder: string;
}

/** Where the suite looks at each screen: a line for each, with its addresses. */
export function addressesOf(examples: Examples): readonly string[] {
  const { issued, failing, issuedOrder, failedOrder } = examples;
  const addresses: Readonly<Record<Screen, readonly string[]>> = {
    overview: ['/'],
    certificates: ['/certificates'],
    certificate: [`/certificates/${issued}`, `/certificates/${failing}`],
    order: [`/orders/${issuedOrder}`, `/orders/${failedOrder}`],
    orders: ['/orders'],
    newCertificate: ['/new'],
    calendar: ['/calendar'],
    templates: ['/templates'],
    accounts: ['/accounts'],
    hosts: ['/hosts'],
    keys: ['/keys'],
    deliveries: ['/deliveries'],
    audit: ['/audit', '/audit?view=events'],
    queue: ['/queue'],
    authority: ['/authority'],
  };
  return Object.values(addresses).flat();
}

/** Debian's Chromium, which asks nothing of the network but what a page asks. */
export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Runs in the page: a test of Node.js has no names of a browser. */
const policyReports = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI);
});`;

/** What a page can store, as text: the Cache Storage, the history, cookies that scripts can read. */
const storedTexts = `(async () => {
  const caches = await Promise.all((await globalThis.caches.keys()).map(async (name) => {
    const cache = await globalThis.caches.open(name);
    const answers = await cache.matchAll();
    return await Promise.all(answers.map((answer) => answer.text()));
  }));
  const databases = await indexedDB.databases();
  const workers = (await navigator.serviceWorker.getRegistrations()).length;
  const { state } = history;
  return JSON.stringify({ localStorage, sessionStorage, cookie: document.cookie, state, caches, databases, workers });
})()`;

/** A window, and everything in it that went wrong. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Exceptions, console errors, dialogs, and reports of the content security policy. */
  readonly faults: readonly string[];
  /** The URLs that were asked, in their order. */
  readonly requests: readonly string[];
  /** All that the page has stored in the browser, and the URLs that were asked, as text. */
  stored(): Promise<string>;
}

export interface VisitOptions {
  readonly width?: number;
  readonly locale?: string;
  /** Whether it also opens pages over https with a certificate that it does not trust. */
  readonly ignoreHTTPSErrors?: boolean;
}

/** Opens a window with a storage of its own. */
export async function visit(
  browser: Browser,
  { width = 1280, locale = 'en-GB', ignoreHTTPSErrors = false }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: 'light',
    locale,
    timezoneId: zone,
    reducedMotion: 'reduce',
    acceptDownloads: true,
    ignoreHTTPSErrors,
  });
  context.setDefaultTimeout(15_000);
  const faults: string[] = [];
  const requests: string[] = [];
  context.on('weberror', (error) => faults.push(`exception: ${error.error().message}`));
  context.on('console', (message) => {
    // Chromium writes a line for each answer that is not a success, such as the 401 before sign-in.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      faults.push(`console: ${message.text()}`);
  });
  context.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('request', (request) => requests.push(request.url()));
  await context.addInitScript({ content: policyReports });
  const page = await context.newPage();
  return {
    page,
    context,
    faults,
    requests,
    stored: async () => `${await page.evaluate(storedTexts)} ${requests.join(' ')}`,
    [Symbol.asyncDispose]: async () => await context.close(),
  };
}

/** Signs in as a person does, by keyboard alone. @throws Error with the reason of a refusal */
export async function signIn(page: Page, url: string, key: string): Promise<void> {
  await page.goto(url);
  await page.locator('input:focus').waitFor();
  await page.keyboard.type(key);
  await page.keyboard.press('Enter');
  const refusal = page.getByRole('alert');
  await page.getByRole('banner').or(refusal).first().waitFor();
  if ((await refusal.count()) > 0 && (await page.getByLabel('API key').count()) > 0)
    throw new Error(await refusal.innerText());
}

/** Opens a screen, until it has all that it asks the server for. */
export async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await loaded(page);
}

/** Waits until a screen has all that it asks the server for. */
export async function loaded(page: Page): Promise<void> {
  const waiting = page.locator('.loading');
  while ((await waiting.count()) > 0) await waiting.first().waitFor({ state: 'detached' });
}

/**
 * Opens addresses in three windows of one session at once.
 * @param check returns what is wrong
 * @returns what is wrong at which address
 */
export async function lookAtEach(
  { context, page }: Visit,
  addresses: readonly string[],
  check: (page: Page, address: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const faults: string[] = [];
  const next = addresses.values();
  const further = [await context.newPage(), await context.newPage()];
  await Promise.all(
    [page, ...further].map(async (each) => {
      for (const address of next) {
        const wrong = await check(each, address).catch(async (error: unknown) => {
          const text = await each.locator('body').innerText();
          return [`${String(error)} The page says: ${text.slice(0, 500)}`];
        });
        faults.push(...wrong.map((fault) => `${address}: ${fault}`));
      }
    }),
  );
  await Promise.all(further.map(async (each) => await each.close()));
  return faults;
}

interface Rules {
  readonly type: 'tag' | 'rule';
  readonly values: string[];
}
const allRules: Rules = {
  type: 'tag',
  values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
};
const colourRules: Rules = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

/** What axe finds wrong on a page, in words. In the dark scheme it looks for what depends on colours. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  const faults = await axeFaults(page, allRules);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await axeFaults(page, colourRules);
  await page.emulateMedia({ colorScheme: 'light' });
  return [...faults, ...dark.map((fault) => `dark ${fault}`)];
}

/** Runs in the page: the buttons that open dialogs, one of each kind. Their words end with "…". */
const dialogButtons = `(() => {
  const kinds = new Map();
  for (const button of document.querySelectorAll('main button')) {
    const text = button.innerText.trim();
    const section = button.closest('section')?.getAttribute('aria-labelledby') ?? '';
    if (text.endsWith('…') && button.checkVisibility())
      kinds.set(section + ' ' + text, { section, text });
  }
  return [...kinds.values()];
})()`;

/**
 * Opens the dialogs that a screen has buttons for.
 * @param titles of those that were seen, to which it adds
 * @returns what axe finds wrong in them
 */
export async function lookAtDialogs(page: Page, titles: string[]): Promise<readonly string[]> {
  const faults: string[] = [];
  const kinds: readonly { readonly section: string; readonly text: string }[] =
    await page.evaluate(dialogButtons);
  const dialog = page.getByRole('dialog');
  for (const { section, text } of kinds) {
    const place = page.locator(section === '' ? 'main' : `section[aria-labelledby="${section}"]`);
    // A click would wait for frames, which a window draws rarely beside others.
    await place.getByText(text, { exact: true }).first().press('Enter');
    // Some ask the server first.
    const title = await dialog.getByRole('heading').innerText();
    if (!titles.includes(title)) {
      titles.push(title);
      const violations = await axeFaults(page, allRules, 'dialog[open]');
      faults.push(...violations.map((violation) => `${title} ${violation}`));
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  }
  return faults;
}

/** @param part what it looks at, as a CSS selector; the whole page by default */
async function axeFaults(page: Page, runOnly: Rules, part?: string): Promise<readonly string[]> {
  // What is in the page already is not sent to it again.
  const isInPage: boolean = await page.evaluate(`'axe' in globalThis`);
  // Without frames, axe needs no second window to join its findings.
  const axe = new AxeBuilder({ page, ...(isInPage && { axeSource: ';' }) }).setLegacyMode();
  if (part !== undefined) axe.include(part);
  axe.options({ runOnly, resultTypes: ['violations'], preload: false });
  const { violations } = await axe.analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
  );
}

/** What is wrong with a page in a window of 320 pixels. WCAG 2.2 SC 1.4.10 */
export async function reflowFaults(page: Page): Promise<readonly string[]> {
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 900 });
  const beside = Number(
    await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    ),
  );
  if (wide) await page.setViewportSize(wide);
  return beside === 0 ? [] : [`${beside} pixels are beside a window of 320`];
}

/** Where the reader is. */
const zone = 'Europe/Berlin';
const local = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'short',
  timeZone: zone,
});

/** What is wrong with the times of a page: each is local, and has its instant on hover. */
export async function timeFaults(page: Page): Promise<readonly string[]> {
  const times: readonly { readonly at: string; readonly title: string }[] = await page.evaluate(
    `[...document.querySelectorAll('time')].map(({ dateTime, title }) => ({ at: dateTime, title }))`,
  );
  const faults = times
    // A calendar has days, too.
    .filter(({ at }) => at.includes('T'))
    .filter(({ at, title }) => title !== `${local.format(new Date(at))} (${at})`)
    .map(({ at, title }) => `the time ${at} has the title ${title}`);
  const text = await page.locator('main').innerText();
  const bare = text.match(/\d{4}-\d\d-\d\dT\d\d:\d\d\S*/g) ?? [];
  return [...faults, ...bare.map((instant) => `${instant} is not a local time`)];
}

/** The elements of a page that move. */
export async function moving(page: Page): Promise<readonly string[]> {
  return await page.evaluate(`[...document.querySelectorAll('*')].filter((element) => {
    const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
    return transitionDuration !== '0s' || animationName !== 'none' || scrollBehavior === 'smooth';
  }).map(({ tagName }) => 'moves: ' + tagName)`);
}

/**
 * Presses Tab until something has the focus, which can be seen.
 * @throws Error where Tab does not lead to it
 */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.first().waitFor();
  for (let presses = 0; presses < 150; presses += 1) {
    const focus = await target.first().evaluate(focusOf);
    if (focus === 'seen') return;
    if (focus === 'unseen') throw new Error(`the focus on ${String(target)} cannot be seen`);
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${String(target)}`);
}

/** The part of an element in a page that says whether it has the focus. */
interface Focusable {
  readonly ownerDocument: {
    readonly activeElement: unknown;
    readonly defaultView: {
      getComputedStyle(element: unknown): {
        readonly outlineStyle: string;
        readonly outlineWidth: string;
      };
    };
  };
}

/** Runs in the page. */
function focusOf(element: Focusable): 'elsewhere' | 'seen' | 'unseen' {
  const { activeElement, defaultView } = element.ownerDocument;
  if (element !== activeElement) return 'elsewhere';
  const { outlineStyle, outlineWidth } = defaultView.getComputedStyle(element);
  return outlineStyle !== 'none' && outlineWidth !== '0px' ? 'seen' : 'unseen';
}
