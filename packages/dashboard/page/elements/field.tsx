import type { ComponentChildren } from 'preact';
import { useContext, useId } from 'preact/hooks';
import { ErrorLanguage } from './server-text.tsx';

interface FieldProps {
  readonly label: string;
  /** A sentence below the field. */
  readonly hint?: string | undefined;
  /** Why what is entered cannot be used. */
  readonly error?: string | undefined;
  /** The control, with these attributes. */
  readonly children: (attributes: {
    readonly id: string;
    readonly 'aria-describedby': string | undefined;
    readonly 'aria-invalid': true | undefined;
  }) => ComponentChildren;
}

/** A control with its label, a hint and an error that screen readers read with it. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const errorLanguage = useContext(ErrorLanguage);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': described || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint ? (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      ) : null}
      {error ? (
        <p id={`${id}-error`} class="error" role="alert" lang={errorLanguage}>
          {error}
        </p>
      ) : null}
    </div>
  );
}
