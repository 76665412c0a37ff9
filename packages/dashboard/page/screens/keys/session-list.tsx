import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { browserName } from './browser.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('keys');
type Session = components['schemas']['Session'];

/** The browsers that are signed in. */
export function SessionList() {
  const loaded = useLoaded(
    'sessions',
    async (signal) => (await api.GET('/api/sessions', { signal })).data.items,
    { seconds: 20 },
  );
  const all = may('keys:write') ? [...columns, actions(loaded.reload)] : columns;
  return (
    <section class="part" aria-labelledby="sessions">
      <h2 id="sessions">{words.sessions.title}</h2>
      <p>{words.sessions.text}</p>
      <Waiting loaded={loaded}>
        {(items) =>
          items.length === 0 ? (
            <p class="empty">{words.sessions.empty}</p>
          ) : (
            <Listing
              caption={words.sessions.title}
              columns={all}
              rows={items}
              keyOf={({ id }) => id}
            />
          )
        }
      </Waiting>
    </section>
  );
}

const columns: readonly Column<Session>[] = [
  {
    title: words.columns.key,
    cell: ({ key, title, isCurrent }) => (
      <>
        <bdi>{visibleText(title ?? key)}</bdi>
        {title !== undefined && isPerson(key) ? (
          <>
            {' '}
            <code>{visibleText(key)}</code>
          </>
        ) : null}
        {isCurrent ? <strong class="label">{words.sessions.current}</strong> : null}
      </>
    ),
  },
  {
    title: words.sessions.browser,
    cell: ({ userAgent }) =>
      userAgent === undefined ? (
        words.sessions.unknown
      ) : (
        <bdi title={visibleText(userAgent)}>{browserName(userAgent)}</bdi>
      ),
  },
  { title: words.sessions.address, cell: ({ address }) => <code>{visibleText(address)}</code> },
  { title: words.sessions.begun, cell: ({ createdAt }) => <Instant at={createdAt} /> },
  { title: words.columns.lastUse, cell: ({ lastUsedAt }) => <Instant at={lastUsedAt} /> },
  { title: words.columns.end, cell: ({ expiresAt }) => <Instant at={expiresAt} /> },
];

/** Whether someone signed in at a provider, where people can choose what they are called. */
function isPerson(key: string): boolean {
  return key.startsWith('oidc:');
}

function actions(onDone: () => void): Column<Session> {
  return {
    title: words.columns.actions,
    cell: (session) =>
      session.isCurrent ? null : (
        <button
          type="button"
          class="quiet danger"
          aria-label={`${words.revoke.action}: ${session.title ?? session.key}, ${session.address}`}
          onClick={() => revoke(session, onDone)}
        >
          {words.revoke.action}…
        </button>
      ),
  };
}

function revoke({ id, key, title, address, userAgent }: Session, onDone: () => void): void {
  ask({
    title: words.sessions.revokeTitle,
    content: (
      <>
        <p>
          <bdi>{visibleText(title ?? key)}</bdi>, <code>{visibleText(address)}</code>
          {userAgent === undefined ? null : (
            <>
              , <bdi>{visibleText(browserName(userAgent))}</bdi>
            </>
          )}
        </p>
        <p>{words.sessions.revokeText}</p>
      </>
    ),
    action: words.revoke.action,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/sessions/{id}', { params: { path: { id } } });
      announce(words.sessions.revoked);
      onDone();
    },
  });
}
