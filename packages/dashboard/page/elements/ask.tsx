import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { type Failure, failureOf } from '../server.ts';
import { words } from '../words.ts';
import { Boundary } from './boundary.tsx';
import { Problem } from './problem.tsx';

interface Question {
  readonly title: string;
  /** What will be done, and to what. Fields in it are part of the form. */
  readonly content: ComponentChildren;
  /** The word on the button: a verb. */
  readonly action: string;
  /** Whether it cannot be undone. */
  readonly isDestructive?: boolean;
  /** Does it. The dialog stays open with the reason if that fails; it may `ask` the next question. */
  readonly run: (form: FormData) => Promise<void>;
}

const question = signal<(Question & { readonly number: number }) | undefined>(undefined);
let lastNumber = 0;
const failure = signal<Failure | undefined>(undefined);
const isRunning = signal(false);

/** Asks before something is done. It is sent only by the button; Escape and Cancel take it back. */
export function ask(asked: Question): void {
  failure.value = undefined;
  isRunning.value = false;
  question.value = { ...asked, number: ++lastNumber };
}

/** The dialog of `ask`, once in the page. */
export function Asking() {
  const dialog = useRef<HTMLDialogElement>(null);
  const trouble = useRef<HTMLDivElement>(null);
  const heading = useId();
  const asked = question.value;
  const latest = useRef(asked);
  useEffect(() => {
    latest.current = asked;
    if (!asked) dialog.current?.close();
    else if (!dialog.current?.open) dialog.current?.showModal();
  }, [asked]);
  useEffect(() => {
    // In a long form the reason can be out of sight.
    if (failure.value) trouble.current?.focus();
  }, [failure.value]);
  const close = () => {
    question.value = undefined;
  };
  // A browser says that it was closed in its next frame: another question can be open then.
  const closed = () => {
    if (!dialog.current?.open && question.peek() === latest.current) close();
  };
  if (!asked) return <dialog ref={dialog} aria-label={words.close} />;
  const submit = async (form: HTMLFormElement) => {
    isRunning.value = true;
    try {
      await asked.run(new FormData(form));
      if (question.peek() === asked) close();
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      isRunning.value = false;
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={heading} onClose={closed}>
      <form
        key={asked.number}
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <h2 id={heading}>{asked.title}</h2>
        <Boundary subject={asked}>{asked.content}</Boundary>
        {failure.value ? (
          <div ref={trouble} tabIndex={-1}>
            <Problem failure={failure.value} />
          </div>
        ) : null}
        <div class="actions">
          <button type="button" onClick={close}>
            {words.cancel}
          </button>
          <button class={asked.isDestructive ? 'danger' : 'primary'} disabled={isRunning.value}>
            {asked.action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
