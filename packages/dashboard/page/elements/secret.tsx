import { signal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import { words } from '../words.ts';
import { Copy } from './copy.tsx';

/** What was just made and is shown once, with what it is. */
interface Made {
  readonly title: string;
  readonly text: string;
  /** Each with its title. */
  readonly values: readonly (readonly [title: string, value: string])[];
}

/** Only here, until the dialog is closed. */
const made = signal<Made | undefined>(undefined);

/** Shows a secret that was just made, this once. */
export function showSecret(secret: Made): void {
  made.value = secret;
}

/** The dialog of `showSecret`, once in the screen. */
export function Secret() {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const { title, text, values = [] } = made.value ?? {};
  const isOpen = made.value !== undefined;
  const forget = () => {
    made.value = undefined;
  };
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  useEffect(() => forget, []);
  return (
    <dialog ref={dialog} aria-labelledby={heading} onClose={forget}>
      <h2 id={heading}>{title}</h2>
      <p>{text}</p>
      {values.map(([label, value]) => (
        <div key={label}>
          <div class="heading">
            <strong>{label}</strong>
            <Copy text={value} label={label} />
          </div>
          <pre class="secret">{value}</pre>
        </div>
      ))}
      <div class="actions">
        <button type="button" class="primary" onClick={forget}>
          {words.close}
        </button>
      </div>
    </dialog>
  );
}
