import { render } from 'preact';
import { App } from './app.tsx';
import { resume, session } from './session.ts';
import { language } from './strings/strings.ts';

document.documentElement.lang = language;
render(<App />, document.body);
void resume().catch(() => {
  session.value = null;
});
