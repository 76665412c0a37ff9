import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { Field } from '../elements/field.tsx';
import { Problem } from '../elements/problem.tsx';
import { ErrorLanguage } from '../elements/server-text.tsx';
import { type Refusal, signedOutBecause, signIn, signInMethods } from '../session.ts';
import type { Failure } from '../server.ts';
import { words } from '../words.ts';

/** Read before anything is shown, so that nothing moves while someone types. */
const { oidc } = await signInMethods();

export function SignIn() {
  const failure = useMemo(takeFailure, []);
  useEffect(() => {
    document.title = `${words.signIn.title} · AcmeX`;
  }, []);
  const reason = signedOutBecause.value;
  return (
    <main class="sign-in">
      <h1>{words.signIn.title}</h1>
      {reason ? <p role="status">{words.signIn[reason]}</p> : null}
      {failure ? <Problem failure={failureOf(failure)} /> : null}
      {oidc ? (
        <>
          <a
            class="button primary"
            href={`/api/sign-in/oidc?return=${encodeURIComponent(location.pathname + location.search)}`}
          >
            {words.signIn.at(oidc.name)}
          </a>
          <h2>{words.signIn.orKey}</h2>
        </>
      ) : null}
      <KeyForm />
    </main>
  );
}

function KeyForm() {
  const error = useSignal<string | undefined>(undefined);
  const errorLanguage = useSignal<'en' | undefined>(undefined);
  const isRunning = useSignal(false);
  const submit = async (form: HTMLFormElement) => {
    const key = String(new FormData(form).get('key')).trim();
    isRunning.value = true;
    const refusal = key === '' ? undefined : await signIn(key);
    const translated = key === '' ? words.signIn.empty : translationOf(refusal);
    error.value = translated ?? refusal?.message;
    errorLanguage.value = translated === undefined ? 'en' : undefined;
    isRunning.value = false;
  };
  return (
    <>
      <p>{words.signIn.text}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <ErrorLanguage.Provider value={errorLanguage.value}>
          <Field label={words.signIn.key} error={error.value}>
            {(attributes) => (
              <input
                {...attributes}
                name="key"
                type="password"
                autocomplete="off"
                autofocus
                required
              />
            )}
          </Field>
        </ErrorLanguage.Provider>
        <button class={oidc ? undefined : 'primary'} disabled={isRunning.value}>
          {words.signIn.submit}
        </button>
      </form>
    </>
  );
}

function translationOf({ code = '' }: Partial<Refusal> = {}): string | undefined {
  const { refusals } = words.signIn;
  return Object.hasOwn(refusals, code) ? refusals[code as keyof typeof refusals] : undefined;
}

function failureOf(code: SignInFailure): Failure {
  return { message: words.signIn.failures[code], isTranslated: true, code, fields: {} };
}

type SignInFailure = keyof typeof words.signIn.failures;

/**
 * Returns why a sign-in at the provider failed, from the address that the server has sent the browser
 * to, and removes it there: it is of this one sign-in. Anyone can write an address, so that only
 * codes count that are known.
 */
function takeFailure(): SignInFailure | undefined {
  const url = new URL(location.href);
  const code = url.searchParams.get('sign-in');
  if (code === null) return undefined;
  url.searchParams.delete('sign-in');
  history.replaceState(null, '', url);
  return Object.hasOwn(words.signIn.failures, code) ? (code as SignInFailure) : undefined;
}
