import { localTime } from '../local-time.ts';
import { Field } from './field.tsx';

/** A field for an instant in the reader's zone. Read it with `instantOf`. */
export function MomentField({
  label,
  name,
  value,
  min,
  max,
  isRequired = false,
  hint,
}: {
  readonly label: string;
  readonly name: string;
  /** What it has at first. RFC 3339 */
  readonly value?: string | undefined;
  /** RFC 3339, or milliseconds since 1970 */
  readonly min?: string | number | undefined;
  readonly max?: string | number | undefined;
  readonly isRequired?: boolean;
  readonly hint?: string | undefined;
}) {
  return (
    <Field label={label} hint={hint}>
      {(attributes) => (
        <input
          {...attributes}
          type="datetime-local"
          name={name}
          required={isRequired}
          defaultValue={value === undefined ? '' : localTime(value)}
          min={min === undefined ? undefined : localTime(min)}
          max={max === undefined ? undefined : localTime(max)}
        />
      )}
    </Field>
  );
}
