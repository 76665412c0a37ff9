import type { components } from '@acmex/api';
import { useSignal } from '@preact/signals';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Copy } from '../../elements/copy.tsx';
import { Field } from '../../elements/field.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';

const words = (await strings('calendar')).feed;
type Token = components['schemas']['CalendarToken'];

/** Addresses with which calendar programs subscribe: made, listed and revoked. */
export function Feed() {
  const created = useSignal<string | undefined>(undefined);
  const tokens = useLoaded(
    'tokens',
    async (signal) => (await api.GET('/api/calendar-tokens', { signal })).data.items,
  );
  const create = () =>
    ask({
      title: words.create,
      content: (
        <Field label={words.name} hint={words.nameHint}>
          {(attributes) => <input {...attributes} name="title" required maxLength={80} />}
        </Field>
      ),
      action: words.create,
      async run(form) {
        const title = String(form.get('title')).trim();
        const { data } = await api.POST('/api/calendar-tokens', { body: { title } });
        const url = new URL('/api/calendar.ics', location.origin);
        url.searchParams.set('token', data.token);
        created.value = url.href;
        tokens.reload();
      },
    });
  return (
    <section class="panel" aria-labelledby="feed">
      <h2 id="feed">{words.title}</h2>
      <p>{words.text}</p>
      <button type="button" onClick={create}>
        {words.create}…
      </button>
      {created.value === undefined ? null : <Created url={created.value} />}
      <h3>{words.listTitle}</h3>
      <Waiting loaded={tokens}>
        {(rows) => <Tokens tokens={rows} onRevoked={tokens.reload} />}
      </Waiting>
    </section>
  );
}

function Created({ url }: { readonly url: string }) {
  return (
    <div class="created" role="status">
      <h3>{words.created}</h3>
      <div class="command">
        <code>{url}</code>
        <Copy text={url} label={words.address} />
      </div>
      <p class="hint">{words.once}</p>
    </div>
  );
}

function Tokens({
  tokens,
  onRevoked,
}: {
  readonly tokens: readonly Token[];
  readonly onRevoked: () => void;
}) {
  if (tokens.length === 0) return <p>{words.none}</p>;
  const revoke = ({ id, title = id }: Token) =>
    ask({
      title: words.revokeTitle(title),
      content: <p>{words.revokeText}</p>,
      action: words.revoke,
      isDestructive: true,
      async run() {
        await api.DELETE('/api/calendar-tokens/{id}', { params: { path: { id } } });
        announce(words.revoked);
        onRevoked();
      },
    });
  const columns: readonly Column<Token>[] = [
    { title: words.columns.name, cell: ({ id, title }) => title ?? id },
    { title: words.columns.key, cell: ({ key, keyTitle }) => keyTitle ?? key },
    { title: words.columns.made, cell: ({ createdAt }) => <Instant at={createdAt} as="date" /> },
    {
      title: words.columns.used,
      cell: ({ lastUsedAt }) => (lastUsedAt ? <Instant at={lastUsedAt} /> : words.never),
    },
    {
      title: words.columns.action,
      cell: (token) => (
        <button type="button" class="danger" onClick={() => revoke(token)}>
          {words.revoke}…
        </button>
      ),
    },
  ];
  return (
    <Listing caption={words.listTitle} columns={columns} rows={tokens} keyOf={({ id }) => id} />
  );
}
