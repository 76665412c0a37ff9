import { Choice } from '../../elements/choice.tsx';
import { Field } from '../../elements/field.tsx';
import { MomentField } from '../../elements/moment-field.tsx';
import { SearchForm } from '../../elements/search-form.tsx';
import { hasOwnCa } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { type Filter, filterOfForm, urlOf } from './filter.ts';

const words = await strings('audit');

export function FilterForm({ filter }: { readonly filter: Filter }) {
  const { view, ...sought } = filter;
  const log = view === undefined ? {} : { view };
  return (
    <SearchForm
      addressOf={(entered) => urlOf({ ...filterOfForm(Object.entries(entered)), ...log })}
      clear={Object.keys(sought).length > 0 ? urlOf(log) : undefined}
    >
      <Choice
        label={words.type}
        name="type"
        value={filter.type ?? ''}
        options={[
          ['', words.any],
          ...Object.entries(words.types),
          ...(view !== 'events' && hasOwnCa.value ? Object.entries(words.caTypes) : []),
        ]}
      />
      {view === 'events' ? null : <ActorField value={filter.actor} />}
      <Field label={words.certificate} hint={words.certificateHint}>
        {(attributes) => (
          <input
            {...attributes}
            name="certificate"
            pattern="crt_[0-9a-z]{26}"
            title={words.certificateHint}
            defaultValue={filter.certificate ?? ''}
            spellcheck={false}
          />
        )}
      </Field>
      <MomentField label={words.since} name="since" value={filter.since} />
      <MomentField label={words.until} name="until" value={filter.until} />
    </SearchForm>
  );
}

function ActorField({ value = '' }: { readonly value: string | undefined }) {
  return (
    <Field label={words.actor} hint={words.actorHint}>
      {(attributes) => (
        <input
          {...attributes}
          name="actor"
          maxLength={200}
          defaultValue={value}
          spellcheck={false}
        />
      )}
    </Field>
  );
}
