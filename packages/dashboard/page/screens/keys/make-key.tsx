import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Field } from '../../elements/field.tsx';
import { Instant } from '../../elements/instant.tsx';
import { MomentField } from '../../elements/moment-field.tsx';
import { showSecret } from '../../elements/secret.tsx';
import { instantOf } from '../../local-time.ts';
import { api, PageError } from '../../server.ts';
import { session } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { now } from '../../time.ts';
import { namesOf, type Scope, scopesByArea } from './key.ts';
import { newKey } from './key-actions.tsx';

const words = await strings('keys');

/** Asks what a new key is to be allowed, and makes it. Its text is shown once. */
export function askForKey(onDone: () => void): void {
  ask({
    title: words.make.title,
    content: <NewKey />,
    action: words.make.action,
    async run(form) {
      const scopes = form.getAll('scope') as Scope[];
      if (scopes.length === 0) throw new PageError(words.make.noScope);
      const title = String(form.get('title')).trim();
      const expiresAt = instantOf(String(form.get('expiresAt')));
      const { data } = await api.POST('/api/keys', {
        body: {
          ...(title === '' ? {} : { title }),
          scopes,
          names: [...namesOf(String(form.get('names')))],
          ...(expiresAt === undefined ? {} : { expiresAt }),
        },
      });
      showSecret(newKey(data.key));
      announce(words.make.done);
      onDone();
    },
  });
}

function NewKey() {
  const { scopes = [], names = [], key = '', keysExpireAt } = session.value ?? {};
  const isPerson = key.startsWith('oidc:');
  return (
    <>
      {keysExpireAt === undefined ? null : (
        <p class="warning">
          {isPerson ? words.make.untilSession : words.make.untilKey}{' '}
          <Instant at={keysExpireAt} as="exact" />. {isPerson ? words.make.longer : null}
        </p>
      )}
      <Field label={words.make.name} hint={words.make.nameHint}>
        {(attributes) => (
          <input {...attributes} name="title" maxLength={80} autocomplete="off" autofocus />
        )}
      </Field>
      {scopesByArea(scopes).map(([area, allowed]) => (
        <fieldset key={area} class="scopes">
          <legend>{words.areas[area]}</legend>
          {allowed.map((scope) => (
            <label key={scope} class="check">
              <input type="checkbox" name="scope" value={scope} />
              <span>{words.scopes[scope]}</span>
            </label>
          ))}
        </fieldset>
      ))}
      <Field label={words.make.names} hint={words.make.namesHint}>
        {(attributes) => (
          <textarea
            {...attributes}
            name="names"
            rows={3}
            required
            spellcheck={false}
            defaultValue={names.join('\n')}
          />
        )}
      </Field>
      <MomentField
        label={words.make.end}
        name="expiresAt"
        min={now.peek()}
        max={keysExpireAt}
        hint={keysExpireAt === undefined ? words.make.endHint : words.make.endsThenHint}
      />
    </>
  );
}
