import type { components } from '@acmex/api';
import { Field } from '../../elements/field.tsx';
import { strings } from '../../strings/strings.ts';
import type { Choices } from '../new-certificate/choices.ts';
import { valuesOf } from '../new-certificate/wishes.ts';
import { WishFields } from '../new-certificate/wish-fields.tsx';

const words = await strings('templates');

/** The fields of a template. Its name can only be chosen when it is new. */
export function TemplateFields({
  template,
  choices,
}: {
  readonly template: components['schemas']['Template'] | undefined;
  readonly choices: Choices;
}) {
  const isTaken = (name: string) => choices.templates.some((existing) => existing.name === name);
  return (
    <>
      {template ? (
        <p>{words.changeText}</p>
      ) : (
        <Field label={words.name} hint={words.nameHint}>
          {(attributes) => (
            <input
              {...attributes}
              name="name"
              required
              maxLength={63}
              pattern="[a-z0-9][a-z0-9.\-]*"
              autocomplete="off"
              onInput={({ currentTarget }) =>
                currentTarget.setCustomValidity(
                  isTaken(currentTarget.value.trim()) ? words.nameTaken : '',
                )
              }
            />
          )}
        </Field>
      )}
      <WishFields values={valuesOf(template)} choices={choices} />
    </>
  );
}
