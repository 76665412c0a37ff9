import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Field } from '../elements/field.tsx';
import { signedOutBecause, signIn } from '../session.ts';
import { words } from '../words.ts';

export function SignIn() {
  const error = useSignal<string | undefined>(undefined);
  const isRunning = useSignal(false);
  useEffect(() => {
    document.title = `${words.signIn.title} · AcmeX`;
  }, []);
  const submit = async (form: HTMLFormElement) => {
    const key = String(new FormData(form).get('key')).trim();
    isRunning.value = true;
    error.value = key === '' ? words.signIn.empty : await signIn(key);
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
        <button class="primary" disabled={isRunning.value}>
          {words.signIn.submit}
        </button>
      </form>
    </main>
  );
}
