import { Field } from './field.tsx';
import { visibleText } from '../visible-text.ts';

/** A field with a list of values to choose from, by their words. */
export function Choice({
  label,
  name,
  value,
  options,
  hint,
  error,
}: {
  readonly label: string;
  readonly name: string;
  /** What is chosen at first. */
  readonly value?: string | undefined;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(attributes) => (
        <select {...attributes} name={name}>
          {options.map(([option, text]) => (
            <option key={option} value={option} selected={option === value}>
              {visibleText(text)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
