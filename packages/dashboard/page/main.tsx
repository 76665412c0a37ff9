import { effect, signal } from '@preact/signals';
import { type ComponentType, render } from 'preact';
import { resume, session } from './session.ts';
import { language } from './strings/strings.ts';

/** What is shown: the sign-in, or everything else, which is loaded for who is signed in. */
const View = signal<ComponentType | undefined>(undefined);

function Page() {
  return View.value ? <View.value /> : null;
}

document.documentElement.lang = language;
effect(() => {
  const signedIn = session.value;
  if (signedIn === undefined) return;
  const isSignedIn = signedIn !== null;
  const loading = isSignedIn
    ? import('./app.tsx').then(({ App }) => App)
    : import('./screens/sign-in.tsx').then(({ SignIn }) => SignIn);
  void loading.then((view) => {
    if (isSignedIn !== (session.peek() !== null)) return;
    View.value = view;
    // Until now the document says what to do where it never comes so far.
    document.querySelector('.unloaded')?.remove();
    render(<Page />, document.body);
  });
});
void resume().catch(() => {
  session.value = null;
});
