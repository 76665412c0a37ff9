import { signal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Copy } from '../../elements/copy.tsx';
import { strings } from '../../strings/strings.ts';
import { words as shell } from '../../words.ts';

const words = await strings('keys');

/** The text of a key that was just made: only here, until the dialog is closed. */
const secret = signal<string | undefined>(undefined);

/** Shows the text of a key, this once. */
export function showSecret(text: string): void {
  secret.value = text;
}

/** The dialog of `showSecret`, once in the screen. */
export function Secret() {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const text = secret.value;
  const forget = () => {
    secret.value = undefined;
  };
  useEffect(() => {
    if (text !== undefined) dialog.current?.showModal();
    else dialog.current?.close();
  }, [text]);
  useEffect(() => forget, []);
  return (
    <dialog ref={dialog} aria-labelledby={heading} onClose={forget}>
      <h2 id={heading}>{words.secret.title}</h2>
      <p>{words.secret.text}</p>
      <pre class="secret">{text}</pre>
      <div class="actions">
        <Copy text={text ?? ''} label={words.secret.title} />
        <button type="button" class="primary" onClick={forget}>
          {shell.close}
        </button>
      </div>
    </dialog>
  );
}
