import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Field } from '../../elements/field.tsx';
import { MomentField } from '../../elements/moment-field.tsx';
import { showSecret } from '../../elements/secret.tsx';
import { instantOf } from '../../local-time.ts';
import { api } from '../../server.ts';
import { may, session } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { now } from '../../time.ts';
import type { Key } from './key.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('keys');

/** The text of a key that was made or rotated, to be shown once. */
export function newKey(text: string): Parameters<typeof showSecret>[0] {
  return { ...words.secret, values: [[words.secret.title, text]] };
}

/** What can be done with a key; nothing where it may do more than the session. */
export function KeyActions({
  value,
  onDone,
}: {
  readonly value: Key;
  readonly onDone: () => void;
}) {
  if (!may('keys:write') || !value.scopes.every(may)) return null;
  const name = value.title ?? value.id;
  return (
    <div class="actions">
      <button
        type="button"
        class="quiet"
        aria-label={`${words.rotate.action}: ${name}`}
        onClick={() => rotate(value, onDone)}
      >
        {words.rotate.action}…
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={`${words.expire.action}: ${name}`}
        onClick={() => expire(value, onDone)}
      >
        {words.expire.action}…
      </button>
      <button
        type="button"
        class="quiet danger"
        aria-label={`${words.revoke.action}: ${name}`}
        onClick={() => revoke(value, onDone)}
      >
        {words.revoke.action}…
      </button>
    </div>
  );
}

/** The key that a question is about, and whether the session is of it. */
function Subject({ value: { id, title } }: { readonly value: Key }) {
  return (
    <>
      <p>
        <strong>
          <bdi>{visibleText(title ?? words.untitled)}</bdi>
        </strong>{' '}
        <code>{id}</code>
      </p>
      {session.value?.key === id ? <p class="note">{words.isYours}</p> : null}
    </>
  );
}

function rotate(key: Key, onDone: () => void): void {
  ask({
    title: words.rotate.title,
    content: (
      <>
        <Subject value={key} />
        <p>{words.rotate.text}</p>
        <Field label={words.rotate.grace} hint={words.rotate.graceHint}>
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              name="graceHours"
              min={0}
              max={720}
              step={1}
              defaultValue="24"
              required
            />
          )}
        </Field>
      </>
    ),
    action: words.rotate.action,
    async run(form) {
      const { data } = await api.POST('/api/keys/{id}/rotate', {
        params: { path: { id: key.id } },
        body: { graceHours: Number(form.get('graceHours')) },
      });
      showSecret(newKey(data.key));
      announce(words.rotate.done);
      onDone();
    },
  });
}

function expire(key: Key, onDone: () => void): void {
  ask({
    title: words.expire.title,
    content: (
      <>
        <Subject value={key} />
        <p>{words.expire.text}</p>
        <MomentField
          label={words.make.end}
          name="at"
          value={key.expiresAt}
          min={now.peek()}
          max={key.expiresAt}
          isRequired
        />
      </>
    ),
    action: words.expire.action,
    async run(form) {
      await api.POST('/api/keys/{id}/expire', {
        params: { path: { id: key.id } },
        body: { at: instantOf(String(form.get('at'))) ?? '' },
      });
      announce(words.expire.done);
      onDone();
    },
  });
}

function revoke(key: Key, onDone: () => void): void {
  ask({
    title: words.revoke.title,
    content: (
      <>
        <Subject value={key} />
        <p>{words.revoke.text}</p>
      </>
    ),
    action: words.revoke.action,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/keys/{id}', { params: { path: { id: key.id } } });
      announce(words.revoke.done);
      onDone();
    },
  });
}
