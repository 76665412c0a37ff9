import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Field } from '../elements/field.tsx';
import { ErrorLanguage } from '../elements/server-text.tsx';
import { type Refusal, signedOutBecause, signIn } from '../session.ts';
import { words } from '../words.ts';

export function SignIn() {
  const error = useSignal<string | undefined>(undefined);
  const errorLanguage = useSignal<'en' | undefined>(undefined);
  const isRunning = useSignal(false);
  useEffect(() => {
    document.title = `${words.signIn.title} · AcmeX`;
  }, []);
  const submit = async (form: HTMLFormElement) => {
    const key = String(new FormData(form).get('key')).trim();
    isRunning.value = true;
    const refusal = key === '' ? undefined : await signIn(key);
    const translated = key === '' ? words.signIn.empty : translationOf(refusal);
    error.value = translated ?? refusal?.message;
    errorLanguage.value = translated === undefined ? 'en' : undefined;
    isRunning.value = false;
  };
  const reason = signedOutBecause.value;
  return (
    <main class="sign-in">
      <h1>{words.signIn.title}</h1>
      {reason ? <p role="status">{words.signIn[reason]}</p> : null}
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
        <button class="primary" disabled={isRunning.value}>
          {words.signIn.submit}
        </button>
      </form>
    </main>
  );
}

function translationOf({ code = '' }: Partial<Refusal> = {}): string | undefined {
  const { refusals } = words.signIn;
  return Object.hasOwn(refusals, code) ? refusals[code as keyof typeof refusals] : undefined;
}
