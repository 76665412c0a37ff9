import type { components } from '@acmex/api';
import { useSignal } from '@preact/signals';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Field } from '../../elements/field.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { showSecret } from '../../elements/secret.tsx';
import { Mark, type Tone } from '../../elements/state.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';

const words = await strings('authority');
type Account = components['schemas']['ExternalAccount'];

const pageLength = 20;
const tones: Readonly<Record<Account['state'], Tone>> = {
  unused: 'calm',
  bound: 'good',
  revoked: 'bad',
};

/** What clients bind their ACME accounts with, the newest first. */
export function ExternalAccounts() {
  const limit = useSignal(pageLength);
  const loaded = useLoaded(
    'external accounts',
    async (signal) => {
      const params = { query: { limit: limit.peek() } };
      return (await api.GET('/api/ca/external-accounts', { params, signal })).data;
    },
    { seconds: 20 },
  );
  const columns = may('ca:write') ? [...facts, actions(loaded.reload)] : facts;
  return (
    <section class="part" aria-labelledby="external">
      <div class="heading">
        <h2 id="external">{words.external.heading}</h2>
        {may('ca:write') ? (
          <button type="button" onClick={() => askForAccount(loaded.reload)}>
            {words.create.action}…
          </button>
        ) : null}
      </div>
      <p>{words.external.text}</p>
      <Waiting loaded={loaded}>
        {({ items, next }) =>
          items.length === 0 ? (
            <p class="empty">{words.external.empty}</p>
          ) : (
            <>
              <Listing
                caption={words.external.caption}
                columns={columns}
                rows={items}
                keyOf={({ id }) => id}
              />
              {next === undefined || limit.value >= 1000 ? null : (
                <button
                  type="button"
                  onClick={() => {
                    limit.value = Math.min(1000, limit.value * 4);
                    loaded.reload();
                  }}
                >
                  {words.external.more}
                </button>
              )}
            </>
          )
        }
      </Waiting>
    </section>
  );
}

const facts: readonly Column<Account>[] = [
  {
    title: words.external.description,
    cell: ({ id, description, isReusable }) => (
      <span class="names">
        <bdi>{description || words.external.noDescription}</bdi>
        <code>{id}</code>
        {isReusable ? <small>{words.external.reusable}</small> : null}
      </span>
    ),
  },
  {
    title: words.external.state,
    cell: ({ state, revokedAt }) => (
      <span class="names">
        <Mark tone={tones[state]}>{words.external.states[state]}</Mark>
        {revokedAt ? (
          <small>
            <Instant at={revokedAt} />
          </small>
        ) : null}
      </span>
    ),
  },
  {
    title: words.external.account,
    cell: ({ account }) =>
      account === undefined ? words.external.noAccount : <code>{account}</code>,
  },
  { title: words.external.created, cell: ({ createdAt }) => <Instant at={createdAt} /> },
];

function actions(onDone: () => void): Column<Account> {
  return {
    title: words.external.actions,
    cell: (account) =>
      account.state === 'revoked' ? null : (
        <button
          type="button"
          class="quiet danger"
          aria-label={`${words.revoke.action}: ${account.description || account.id}`}
          onClick={() => askToRevoke(account, onDone)}
        >
          {words.revoke.action}…
        </button>
      ),
  };
}

/** Makes an external account; its key is shown once. */
function askForAccount(onDone: () => void): void {
  ask({
    title: words.create.title,
    content: (
      <>
        <Field label={words.create.description} hint={words.create.descriptionHint}>
          {(attributes) => (
            <input {...attributes} name="description" maxLength={80} autocomplete="off" autofocus />
          )}
        </Field>
        <label class="check">
          <input type="checkbox" name="isReusable" />
          <span>{words.create.reusable}</span>
        </label>
      </>
    ),
    action: words.create.action,
    async run(form) {
      const description = String(form.get('description')).trim();
      const { data } = await api.POST('/api/ca/external-accounts', {
        body: {
          ...(description === '' ? {} : { description }),
          isReusable: form.has('isReusable'),
        },
      });
      showSecret({
        title: words.create.secretTitle,
        text: words.create.secretText,
        values: [
          [words.create.kid, data.id],
          [words.create.hmacKey, data.hmacKey],
        ],
      });
      announce(words.create.done);
      onDone();
    },
  });
}

function askToRevoke({ id, description }: Account, onDone: () => void): void {
  ask({
    title: words.revokeExternal.title,
    content: (
      <>
        <p>
          <strong>
            <bdi>{description || words.external.noDescription}</bdi>
          </strong>{' '}
          <code>{id}</code>
        </p>
        <p>{words.revokeExternal.text}</p>
      </>
    ),
    action: words.revoke.action,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/ca/external-accounts/{id}', { params: { path: { id } } });
      announce(words.revokeExternal.done);
      onDone();
    },
  });
}
