import { Instant } from '../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { Names } from '../elements/names.tsx';
import { Secret } from '../elements/secret.tsx';
import { State } from '../elements/state.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may, session } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { now } from '../time.ts';
import { KeyActions } from './keys/key-actions.tsx';
import { type Key, keyState } from './keys/key.ts';
import { askForKey } from './keys/make-key.tsx';
import { SessionList } from './keys/session-list.tsx';
import { visibleText } from '../visible-text.ts';

const words = await strings('keys');

/** Who may use the server: API keys, and the browsers that are signed in with them. */
export function Keys() {
  useTitle(words.title);
  const loaded = useLoaded(
    'keys',
    async (signal) => (await api.GET('/api/keys', { signal })).data.items,
    { seconds: 20 },
  );
  return (
    <>
      <div class="heading">
        <h1>{words.title}</h1>
        {may('keys:write') ? (
          <button type="button" class="primary" onClick={() => askForKey(loaded.reload)}>
            {words.make.title}…
          </button>
        ) : null}
      </div>
      <p>{words.text}</p>
      <Waiting loaded={loaded}>{(keys) => <KeyLists keys={keys} onDone={loaded.reload} />}</Waiting>
      <SessionList />
      <Secret />
    </>
  );
}

/** Those that can be used, and behind a click those that have ended. */
function KeyLists({
  keys,
  onDone,
}: {
  readonly keys: readonly Key[];
  readonly onDone: () => void;
}) {
  const valid = keys.filter((key) => keyState(key, now.value) === 'valid');
  const ended = keys.filter((key) => keyState(key, now.value) !== 'valid');
  const actions: Column<Key> = {
    title: words.columns.actions,
    cell: (key) => <KeyActions value={key} onDone={onDone} />,
  };
  return (
    <>
      {valid.length === 0 ? (
        <p class="empty">{words.empty}</p>
      ) : (
        <Listing
          caption={words.caption}
          columns={may('keys:write') ? [...columns, actions] : columns}
          rows={valid}
          keyOf={({ id }) => id}
        />
      )}
      {ended.length === 0 ? null : (
        <details class="ended">
          <summary>{words.ended(ended.length)}</summary>
          <Listing
            caption={words.ended(ended.length)}
            columns={[...columns, stateColumn]}
            rows={ended}
            keyOf={({ id }) => id}
          />
        </details>
      )}
    </>
  );
}

const columns: readonly Column<Key>[] = [
  {
    title: words.columns.key,
    cell: ({ id, title }) => (
      <span class="names">
        <bdi>{visibleText(title ?? words.untitled)}</bdi>
        <code>{id}</code>
        {session.value?.key === id ? <small>{words.yours}</small> : null}
      </span>
    ),
  },
  { title: words.columns.scopes, cell: ({ scopes }) => <Scopes scopes={scopes} /> },
  { title: words.columns.names, cell: ({ names }) => <Names names={names} /> },
  {
    title: words.columns.lastUse,
    cell: ({ lastUsedAt }) => (lastUsedAt ? <Instant at={lastUsedAt} /> : words.never),
  },
  {
    title: words.columns.end,
    cell: ({ expiresAt }) => (expiresAt ? <Instant at={expiresAt} /> : words.noEnd),
  },
  {
    title: words.columns.made,
    cell: ({ createdAt, createdBy, secrets }) => (
      <span class="names">
        <Instant at={createdAt} as="date" />
        <small>
          {words.by} <bdi>{visibleText(createdBy)}</bdi>
        </small>
        {secrets > 1 ? <small>{words.rotating}</small> : null}
      </span>
    ),
  },
];

const stateColumn: Column<Key> = {
  title: words.columns.state,
  cell: (key) => (
    <>
      <State state={keyState(key, now.value)} />{' '}
      {key.revokedAt ? <Instant at={key.revokedAt} /> : null}
    </>
  ),
};

function Scopes({ scopes }: { readonly scopes: Key['scopes'] }) {
  return (
    <details>
      <summary>{words.permissions(scopes.length)}</summary>
      <ul class="plain">
        {scopes.map((scope) => (
          <li key={scope}>
            {Object.hasOwn(words.scopes, scope) ? words.scopes[scope] : null} <code>{scope}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}
