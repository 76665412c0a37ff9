import { useSignal } from '@preact/signals';
import { Choice } from '../../elements/choice.tsx';
import { Field } from '../../elements/field.tsx';
import { strings } from '../../strings/strings.ts';
import type { Choices } from './choices.ts';
import { challenges, keyTypes, type Values } from './wishes.ts';

const words = await strings('newCertificate');

interface WishFieldsProps {
  /** What the fields hold at first. */
  readonly values: Values;
  readonly choices: Choices;
  /** What is wrong, by the name of the field. */
  readonly errors?: Readonly<Record<string, string | undefined>>;
}

/** The fields of what can be said of a certificate, beside its names. */
export function WishFields({ values, choices, errors = {} }: WishFieldsProps) {
  const issuer = useSignal(values.issuer);
  const way = useSignal(values.challenge);
  const dnsProvider = useSignal(values.dnsProvider);
  const chosen = issuerOf(issuer.value, choices);
  const isByDns = (way.value || choices.challenge).startsWith('dns-');
  return (
    <div
      onChange={({ target }) => {
        if (!(target instanceof HTMLSelectElement)) return;
        if (target.name === 'issuer') issuer.value = target.value;
        if (target.name === 'challenge') way.value = target.value;
        if (target.name === 'dnsProvider') dnsProvider.value = target.value;
      }}
    >
      <IssuerChoice value={values.issuer} chosen={chosen} choices={choices} error={errors.issuer} />
      <Choice
        label={words.challenge}
        name="challenge"
        value={values.challenge}
        error={errors.challenge}
        hint={words.challengeHint}
        options={[
          ['', words.byDefault(choices.challenge)],
          ...challenges.map((type) => [type, type] as const),
        ]}
      />
      <DnsProviderChoice
        value={values.dnsProvider}
        chosen={dnsProvider.value}
        isUsed={isByDns || values.dnsProvider !== ''}
        choices={choices}
        error={errors.dnsProvider}
      />
      <Profile
        key={chosen?.name}
        value={values.profile}
        error={errors.profile}
        profiles={chosen?.profiles}
        byDefault={chosen?.profile}
      />
      <Choice
        label={words.keyType}
        name="keyType"
        value={values.keyType}
        error={errors.keyType}
        options={[
          ['', words.byDefault('ec-p256')],
          ...keyTypes.map((type) => [type, words.keyTypes[type]] as const),
        ]}
      />
      <Field label={words.labels} hint={words.labelsHint} error={errors.labels}>
        {(attributes) => (
          <textarea {...attributes} name="labels" rows={2} defaultValue={values.labels} />
        )}
      </Field>
      <MoreFields values={values} errors={errors} />
    </div>
  );
}

/** Returns the issuer of a name, or the one that is used by default. */
function issuerOf(value: string, { issuers }: Choices): Choices['issuers'][number] | undefined {
  return issuers.find(({ name }) => name === value) ?? issuers.find(({ isDefault }) => isDefault);
}

interface ChoiceOfProps {
  readonly value: string;
  readonly choices: Choices;
  readonly error: string | undefined;
}

function IssuerChoice({
  value,
  choices: { issuers },
  error,
  chosen,
}: ChoiceOfProps & { readonly chosen: Choices['issuers'][number] | undefined }) {
  const byDefault = issuers.find(({ isDefault }) => isDefault);
  return (
    <Choice
      label={words.issuer}
      name="issuer"
      value={value}
      error={error}
      hint={chosen?.staging ? words.staging : undefined}
      options={[
        ['', words.byDefault(byDefault?.title ?? '')],
        ...withCurrent(
          issuers.map(({ name, title }) => [name, `${name} (${title})`] as const),
          value,
        ),
      ]}
    />
  );
}

/** Who writes the records; it is not sent where no record is written. */
function DnsProviderChoice({
  value,
  choices: { dnsProviders },
  error,
  isUsed,
  chosen,
}: ChoiceOfProps & { readonly isUsed: boolean; readonly chosen: string }) {
  const isByHand = dnsProviders.some(({ name, attended }) => attended && name === chosen);
  const hint = dnsProviders.every(({ attended }) => attended)
    ? words.noDnsProvider
    : words.dnsProviderHint;
  return (
    <fieldset class="bare" hidden={!isUsed} disabled={!isUsed}>
      <Choice
        label={words.dnsProvider}
        name="dnsProvider"
        value={value}
        error={error}
        hint={isByHand ? words.byHandHint : hint}
        options={[
          ['', words.dnsProviderByName],
          ...withCurrent(
            dnsProviders.map(
              ({ name, title, attended }) =>
                [name, attended ? words.byHand(name) : `${name} (${title})`] as const,
            ),
            value,
          ),
        ]}
      />
    </fieldset>
  );
}

/** What is rarely needed. */
function MoreFields({ values, errors = {} }: Omit<WishFieldsProps, 'choices'>) {
  const { reuseKey, mustStaple, renewBeforeDays, preferredChain } = values;
  const isUsed = [reuseKey, mustStaple, renewBeforeDays, preferredChain].some((value) => value);
  return (
    <details open={isUsed}>
      <summary>{words.more}</summary>
      <Field
        label={words.renewBeforeDays}
        hint={words.renewBeforeDaysHint}
        error={errors.renewBeforeDays}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="number"
            name="renewBeforeDays"
            min={1}
            max={365}
            defaultValue={renewBeforeDays}
          />
        )}
      </Field>
      <Field
        label={words.preferredChain}
        hint={words.preferredChainHint}
        error={errors.preferredChain}
      >
        {(attributes) => (
          <input {...attributes} name="preferredChain" defaultValue={preferredChain} />
        )}
      </Field>
      <label class="switch">
        <input type="checkbox" name="reuseKey" value="true" defaultChecked={reuseKey === 'true'} />{' '}
        {words.reuseKey}
      </label>
      <label class="switch">
        <input
          type="checkbox"
          name="mustStaple"
          value="true"
          defaultChecked={mustStaple === 'true'}
        />{' '}
        {words.mustStaple}
      </label>
    </details>
  );
}

/** The profiles of the CA to choose from where they are known, or a field for any. */
function Profile({
  value,
  error,
  profiles = {},
  byDefault = '',
}: {
  readonly value: string;
  readonly error: string | undefined;
  readonly profiles: Readonly<Record<string, string>> | undefined;
  readonly byDefault: string | undefined;
}) {
  const names = Object.keys(profiles);
  if (names.length === 0)
    return (
      <Field label={words.profile} hint={words.profileHint} error={error}>
        {(attributes) => (
          <input
            {...attributes}
            name="profile"
            defaultValue={value}
            placeholder={byDefault}
            autocomplete="off"
          />
        )}
      </Field>
    );
  return (
    <Choice
      label={words.profile}
      name="profile"
      value={value}
      error={error}
      options={[
        ['', words.byDefault(byDefault)],
        ...withCurrent(
          names.map((name) => [name, describedProfile(name, profiles[name])] as const),
          value,
        ),
      ]}
    />
  );
}

/** CAs describe a profile by a sentence or by the address of its page. */
function describedProfile(name: string, description = ''): string {
  return description === '' || /^https?:/.test(description) ? name : `${name}: ${description}`;
}

type Option = readonly [value: string, text: string];

/** Keeps a value that is not offered any more, so that it is not lost unseen. */
function withCurrent(options: readonly Option[], current: string): readonly Option[] {
  return current === '' || options.some(([value]) => value === current)
    ? options
    : [...options, [current, current]];
}
