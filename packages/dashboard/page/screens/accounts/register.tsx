import { ApiError } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Field } from '../../elements/field.tsx';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { termsIn } from './terms.ts';

const words = await strings('accounts');

interface Wanted {
  readonly issuer?: string;
  readonly email?: string;
}

/** Asks for a CA and a contact, then for agreement to the CA's terms of service if it has some. */
export function askToRegister(onDone: () => void): void {
  ask({
    title: words.register.title,
    content: (
      <>
        <p>{words.register.text}</p>
        <Field label={words.columns.issuer} hint={words.register.issuerHint}>
          {(attributes) => (
            <input
              {...attributes}
              name="issuer"
              maxLength={40}
              autocomplete="off"
              spellcheck={false}
              autofocus
            />
          )}
        </Field>
        <Field label={words.contact.label} hint={words.register.emailHint}>
          {(attributes) => <input {...attributes} name="email" type="email" autocomplete="email" />}
        </Field>
      </>
    ),
    action: words.register.action,
    async run(form) {
      const entries = [...form].map(([name, value]) => [name, String(value).trim()]);
      const wanted = Object.fromEntries(entries.filter(([, value]) => value !== '')) as Wanted;
      try {
        await register(wanted, onDone);
      } catch (error) {
        const terms = error instanceof ApiError && error.code === 'ERR_MANAGER_TERMS';
        const address = terms ? termsIn(error.message) : undefined;
        if (address === undefined) throw error;
        askToAgree(wanted, address, onDone);
      }
    },
  });
}

function askToAgree(wanted: Wanted, terms: string, onDone: () => void): void {
  ask({
    title: words.terms.title,
    content: (
      <>
        <p>{words.terms.text}</p>
        <p class="address">
          <a href={terms} target="_blank" rel="noopener noreferrer">
            {terms}
          </a>
        </p>
        <label class="check">
          <input type="checkbox" required />
          <span>{words.terms.agree}</span>
        </label>
      </>
    ),
    action: words.register.action,
    run: async () => await register({ ...wanted, tosAgreed: true }, onDone),
  });
}

async function register(
  body: Wanted & { readonly tosAgreed?: boolean },
  onDone: () => void,
): Promise<void> {
  const { data } = await api.POST('/api/accounts', { body });
  announce(words.register.done(data.issuer));
  onDone();
}
