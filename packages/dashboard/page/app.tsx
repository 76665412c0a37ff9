import { useSignal } from '@preact/signals';
import lazy from 'preact-iso/lazy';
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router';
import { useEffect, useRef } from 'preact/hooks';
import { type Screen, routes } from '../src/routes.ts';
import { Announcements } from './elements/announce.tsx';
import { Asking } from './elements/ask.tsx';
import { attempt } from './elements/attempt.ts';
import { Boundary } from './elements/boundary.tsx';
import { isConnected, watchSession } from './connection.ts';
import { watchOwnCa } from './own-ca.ts';
import { PageError } from './server.ts';
import { hasOwnCa, may, type Scope, session, signOut } from './session.ts';
import { chooseLanguage, language, type Language, languages } from './strings/strings.ts';
import { words } from './words.ts';
import { visibleText } from './visible-text.ts';

/** One file for each: many small ones take longer to fetch, and do not compress as well. */
const certificateScreens = async () => await import('./screens/certificate-screens.ts');
const serverScreens = async () => await import('./screens/server-screens.ts');

const screens = {
  overview: lazy(async () => (await certificateScreens()).Overview),
  certificates: lazy(async () => (await certificateScreens()).Certificates),
  calendar: lazy(async () => (await certificateScreens()).Calendar),
  certificate: lazy(async () => (await certificateScreens()).Certificate),
  order: lazy(async () => (await certificateScreens()).Order),
  orders: lazy(async () => (await certificateScreens()).Orders),
  newCertificate: lazy(async () => (await certificateScreens()).NewCertificate),
  templates: lazy(async () => (await certificateScreens()).Templates),
  accounts: lazy(async () => (await serverScreens()).Accounts),
  hosts: lazy(async () => (await serverScreens()).Hosts),
  keys: lazy(async () => (await serverScreens()).Keys),
  deliveries: lazy(async () => (await serverScreens()).Deliveries),
  audit: lazy(async () => (await serverScreens()).Audit),
  queue: lazy(async () => (await serverScreens()).Queue),
  authority: lazy(async () => (await serverScreens()).Authority),
} as const;

/** What each screen of the navigation reads; one of which a session may read nothing is not shown. */
const navigation: readonly (readonly [Screen & keyof typeof screens, ...Scope[]])[] = [
  ['overview', 'certificates:read'],
  ['certificates', 'certificates:read'],
  ['calendar', 'certificates:read'],
  ['orders', 'orders:read'],
  ['templates', 'certificates:read'],
  ['accounts', 'accounts:read'],
  ['hosts', 'agents:read'],
  ['authority', 'ca:read'],
  ['keys', 'keys:read'],
  ['deliveries', 'queue:read'],
  ['audit', 'audit:read', 'events:read'],
  ['queue', 'queue:read'],
];

/** Links to everything else of the server are not the page's: they are opened by the browser. */
const ownAddresses = /^\/(?!(api|docs|openapi\.json|health|metrics|board)(\/|\?|$))/;

/** The page of who is signed in. */
export function App() {
  return (
    <LocationProvider scope={ownAddresses}>
      <Shell />
      <Announcements />
    </LocationProvider>
  );
}

/** What is around each screen. */
function Shell() {
  const { path, url } = useLocation();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(watchSession, []);
  useEffect(watchOwnCa, []);
  useEffect(() => {
    // Who uses a keyboard or a screen reader continues at the new screen.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [path]);
  return (
    <>
      <a class="skip" href="#content">
        {words.skip}
      </a>
      <Header path={path} />
      {isConnected.value ? null : (
        <p class="banner" role="status">
          {words.disconnected}
        </p>
      )}
      <main id="content" ref={main} tabIndex={-1}>
        <Boundary subject={url} title={words.unexpected.title} onRetry={() => location.reload()}>
          <Router>
            {Object.entries(screens).map(([name, component]) => (
              <Route key={name} path={routes[name as Screen]} component={component} />
            ))}
            <Route default component={NotFound} />
          </Router>
        </Boundary>
      </main>
      <Asking />
    </>
  );
}

function Header({ path }: { readonly path: string }) {
  const isOpen = useSignal(false);
  const menu = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    isOpen.value = false;
  }, [path]);
  return (
    <header
      class={isOpen.value ? 'shell open' : 'shell'}
      onKeyDown={({ key: pressed }) => {
        if (pressed !== 'Escape' || !isOpen.value) return;
        isOpen.value = false;
        menu.current?.focus();
      }}
    >
      <Brand />
      <button
        type="button"
        class="menu"
        ref={menu}
        aria-expanded={isOpen.value}
        aria-controls="navigation"
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        {words.menu}
      </button>
      <nav id="navigation" aria-label={words.navigation}>
        <ul>
          {navigation
            .filter(
              ([name, ...scopes]) => scopes.some(may) && (name !== 'authority' || hasOwnCa.value),
            )
            .map(([name]) => (
              <li key={name}>
                <a
                  href={routes[name]}
                  aria-current={isCurrent(routes[name], path) ? 'page' : undefined}
                >
                  {words.screens[name]}
                </a>
              </li>
            ))}
        </ul>
      </nav>
      <Account />
    </header>
  );
}

function Brand() {
  return (
    <a class="brand" href="/" aria-label="AcmeX">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <path
          d="M16 3l11 4v9c0 6.6-4.5 11.3-11 14C9.500 27.300 5 22.600 5 16V7z"
          fill="currentColor"
        />
        <path d="M10.500 16l4 4 7.500-8" fill="none" stroke="var(--surface)" stroke-width="3" />
      </svg>
      AcmeX
    </a>
  );
}

/** Who is signed in, the language of the page, and the way out. */
function Account() {
  const { title, key, tenant } = session.value ?? {};
  const name = visibleText(`${title ?? key ?? ''} (${tenant ?? ''})`);
  return (
    <div class="account">
      <span class="name" title={words.signedInAs(name)}>
        <span class="hidden">{words.signedInAs('')}</span>
        {name}
      </span>
      <label>
        <span class="hidden">{words.language}</span>
        <select
          value={language}
          onChange={({ currentTarget }) => chooseLanguage(currentTarget.value as Language)}
        >
          {languages.map((tag) => (
            <option key={tag} value={tag}>
              {words.languages[tag]}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="quiet" onClick={() => attempt(leave)}>
        {words.signOut}
      </button>
    </div>
  );
}

async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (cause) {
    throw new PageError(words.notSignedOut, { cause });
  }
}

/** An address belongs to the entry of the navigation that it is below. */
function isCurrent(entry: string, path: string): boolean {
  return entry === '/' ? path === '/' : path === entry || path.startsWith(`${entry}/`);
}

function NotFound() {
  return (
    <>
      <h1>{words.notFound.title}</h1>
      <p>{words.notFound.text}</p>
      <a href="/">{words.notFound.back}</a>
    </>
  );
}
