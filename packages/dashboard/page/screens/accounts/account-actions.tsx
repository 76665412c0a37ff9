import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Field } from '../../elements/field.tsx';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('accounts');
export type Account = components['schemas']['Account'];

export function AccountActions({
  account,
  onDone,
}: {
  readonly account: Account;
  readonly onDone: () => void;
}) {
  const actions = [
    ['contact', changeContact],
    ['rotate', rotateKey],
    ['giveUp', giveUp],
  ] as const;
  return (
    <div class="actions">
      {actions.map(([name, start]) => (
        <button
          key={name}
          type="button"
          class={name === 'giveUp' ? 'quiet danger' : 'quiet'}
          aria-label={`${words[name].action}: ${account.issuer}`}
          onClick={() => start(account, onDone)}
        >
          {words[name].action}…
        </button>
      ))}
    </div>
  );
}

/** The account that a question is about. */
function Subject({ account: { issuer, url, id } }: { readonly account: Account }) {
  return (
    <p class="address">
      <strong>
        <bdi>{visibleText(issuer)}</bdi>
      </strong>{' '}
      <code>{visibleText(url ?? id)}</code>
    </p>
  );
}

function changeContact(account: Account, onDone: () => void): void {
  ask({
    title: words.contact.title,
    content: (
      <>
        <Subject account={account} />
        <p>{words.contact.text}</p>
        <Field label={words.contact.label}>
          {(attributes) => (
            <input
              {...attributes}
              name="email"
              type="email"
              autocomplete="email"
              required
              autofocus
            />
          )}
        </Field>
      </>
    ),
    action: words.contact.action,
    async run(form) {
      await api.PATCH('/api/accounts/{id}', {
        params: { path: { id: account.id } },
        body: { email: String(form.get('email')).trim() },
      });
      announce(words.contact.done);
      onDone();
    },
  });
}

function rotateKey(account: Account, onDone: () => void): void {
  ask({
    title: words.rotate.title,
    content: (
      <>
        <Subject account={account} />
        <p>{words.rotate.text}</p>
      </>
    ),
    action: words.rotate.action,
    async run() {
      await api.POST('/api/accounts/{id}/rotate-key', { params: { path: { id: account.id } } });
      announce(words.rotate.done);
      onDone();
    },
  });
}

function giveUp(account: Account, onDone: () => void): void {
  ask({
    title: words.giveUp.title,
    content: (
      <>
        <Subject account={account} />
        <p>{words.giveUp.text}</p>
      </>
    ),
    action: words.giveUp.action,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/accounts/{id}', { params: { path: { id: account.id } } });
      announce(words.giveUp.done);
      onDone();
    },
  });
}
