import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Choice } from '../../elements/choice.tsx';
import { Field } from '../../elements/field.tsx';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { useChoices } from '../new-certificate/choices.ts';
import { challenges, keyTypes } from '../new-certificate/wishes.ts';
import { changesOf, type Settings, settingsOf } from './changes.ts';

const words = await strings('certificate');
type Certificate = components['schemas']['Certificate'];

/** Changes the settings of a certificate, which stays the same one with its history. */
export function askForChanges(certificate: Certificate, onChange: () => void): void {
  const { id } = certificate;
  const before = settingsOf(certificate);
  ask({
    title: words.change.title,
    content: <Fields certificate={certificate} settings={before} />,
    action: words.change.save,
    async run(form) {
      const entries = Object.keys(before).map((name) => [name, String(form.get(name) ?? '')]);
      const body = changesOf(before, Object.fromEntries(entries) as unknown as Settings);
      if (Object.keys(body).length === 0) return announce(words.change.nothing);
      const { data } = await api.PATCH('/api/certificates/{id}', {
        params: { path: { id } },
        body,
      });
      announce(data.order === undefined ? words.change.done : words.change.ordered);
      onChange();
    },
  });
}

function Fields({
  certificate: { declared },
  settings,
}: {
  readonly certificate: Certificate;
  readonly settings: Settings;
}) {
  const { change, settings: titles } = words;
  const { issuers = [], dnsProviders = [] } = useChoices().data.value ?? {};
  const text = (name: keyof Settings, label: string, hint?: string) => (
    <Field label={label} hint={hint}>
      {(attributes) => <input {...attributes} name={name} defaultValue={settings[name]} />}
    </Field>
  );
  const choice = (name: keyof Settings, label: string, options: readonly string[]) => (
    <Choice
      label={label}
      name={name}
      value={settings[name]}
      options={[...new Set(options)].map((option) => [
        option,
        option === '' ? titles.byDefault : option,
      ])}
    />
  );
  return (
    <>
      <p>{change.text}</p>
      {declared ? <p>{words.declared}</p> : null}
      <NamesField names={settings.names} />
      {choice('issuer', titles.issuer, [settings.issuer, ...issuers.map(({ name }) => name)])}
      {choice('challenge', titles.challenge, ['', ...challenges])}
      {choice('dnsProvider', titles.dnsProvider, [
        '',
        settings.dnsProvider,
        ...dnsProviders.map(({ name }) => name),
      ])}
      {text('profile', titles.profile, change.defaultHint)}
      {text('preferredChain', titles.preferredChain, change.defaultHint)}
      {choice('keyType', titles.keyType, keyTypes)}
      <label class="check">
        <input
          type="checkbox"
          name="reuseKey"
          value="yes"
          defaultChecked={settings.reuseKey !== ''}
        />{' '}
        {change.reuseKey}
      </label>
      <RenewalField days={settings.renewBeforeDays} />
    </>
  );
}

function NamesField({ names }: Pick<Settings, 'names'>) {
  return (
    <Field label={words.change.names} hint={words.change.namesHint}>
      {(attributes) => (
        <textarea
          {...attributes}
          name="names"
          rows={Math.min(8, names.split('\n').length + 1)}
          required
          spellcheck={false}
          defaultValue={names}
        />
      )}
    </Field>
  );
}

function RenewalField({ days }: { readonly days: string }) {
  return (
    <Field label={words.settings.renewBefore} hint={words.change.defaultHint}>
      {(attributes) => (
        <input
          {...attributes}
          name="renewBeforeDays"
          type="number"
          min={1}
          max={365}
          defaultValue={days}
        />
      )}
    </Field>
  );
}
