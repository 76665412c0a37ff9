import { useSignal } from '@preact/signals';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { State } from '../elements/state.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { type Account, AccountActions } from './accounts/account-actions.tsx';
import { Issuers } from './accounts/issuers.tsx';
import { askToRegister } from './accounts/register.tsx';
import { visibleText } from '../visible-text.ts';

const words = await strings('accounts');

/** The accounts at CAs, and what the CAs say of them when they are asked. */
export function Accounts() {
  useTitle(words.title);
  const version = useSignal(0);
  const accounts = useLoaded(
    'accounts',
    async (signal) => (await api.GET('/api/accounts', { signal })).data.items,
    { seconds: 60 },
  );
  const onDone = () => {
    version.value += 1;
    accounts.reload();
  };
  return (
    <>
      <div class="heading">
        <h1>{words.title}</h1>
        {may('accounts:write') ? (
          <button type="button" class="primary" onClick={() => askToRegister(onDone)}>
            {words.register.title}…
          </button>
        ) : null}
      </div>
      <p>{words.text}</p>
      <Waiting loaded={accounts}>
        {(items) =>
          items.length === 0 ? (
            <p class="empty">{words.empty}</p>
          ) : (
            <Listing
              caption={words.caption}
              columns={columns(version.value, onDone)}
              rows={items}
              keyOf={({ id }) => id}
            />
          )
        }
      </Waiting>
      {may('certificates:read') ? <Issuers /> : null}
    </>
  );
}

/** @param version changes with each change of an account: what the CA said before is old then */
function columns(version: number, onDone: () => void): readonly Column<Account>[] {
  const visible: Column<Account>[] = [
    { title: words.columns.issuer, cell: ({ issuer }) => <bdi>{visibleText(issuer)}</bdi> },
    {
      title: words.columns.account,
      cell: ({ id, url }) => (
        <span class="names">
          {url === undefined ? words.noAnswer : <code>{visibleText(url)}</code>}
          <small>{id}</small>
        </span>
      ),
    },
    {
      title: words.columns.atCa,
      cell: (account) => <AtCa account={account} version={version} />,
    },
  ];
  const actions: Column<Account> = {
    title: words.columns.actions,
    cell: (account) =>
      account.url === undefined ? null : <AccountActions account={account} onDone={onDone} />,
  };
  return may('accounts:write') ? [...visible, actions] : visible;
}

/** What the CA says of an account; it is asked only when a person wants to know. */
function AtCa({
  account: { id, issuer, url },
  version,
}: {
  readonly account: Account;
  readonly version: number;
}) {
  const isAsked = useSignal(false);
  if (url === undefined) return null;
  if (isAsked.value) return <AnswerOfCa id={id} version={version} />;
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`${words.askCa}: ${issuer}`}
      onClick={() => {
        isAsked.value = true;
      }}
    >
      {words.askCa}
    </button>
  );
}

function AnswerOfCa({ id, version }: { readonly id: string; readonly version: number }) {
  const answer = useLoaded(
    `${id} ${version}`,
    async (signal) =>
      (await api.GET('/api/accounts/{id}', { params: { path: { id } }, signal })).data,
  );
  return (
    <Waiting loaded={answer}>
      {({ status, contact = [] }) => (
        <span class="names" role="status">
          {status === undefined ? null : <State state={status} />}
          {contact.length === 0 ? <small>{words.noContact}</small> : null}
          {contact.map((address) => (
            <bdi key={address}>{visibleText(address.replace(/^mailto:/, ''))}</bdi>
          ))}
        </span>
      )}
    </Waiting>
  );
}
