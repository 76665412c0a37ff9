import type { components, operations } from '@acmex/api';

type Certificate = components['schemas']['Certificate'];
/** What `PATCH /api/certificates/{id}` takes. */
export type Change = NonNullable<
  operations['patchApiCertificatesId']['requestBody']
>['content']['application/json'];

/** The texts of the form's fields; empty for the default. */
export interface Settings {
  readonly names: string;
  readonly issuer: string;
  readonly profile: string;
  readonly preferredChain: string;
  readonly keyType: string;
  readonly reuseKey: string;
  readonly challenge: string;
  readonly dnsProvider: string;
  readonly renewBeforeDays: string;
}

/** The settings of a certificate as the form shows them at first. */
export function settingsOf(certificate: Certificate): Settings {
  return {
    names: certificate.names.join('\n'),
    issuer: certificate.issuer,
    profile: certificate.profile ?? '',
    preferredChain: certificate.preferredChain ?? '',
    keyType: certificate.keyType,
    reuseKey: certificate.reuseKey ? 'yes' : '',
    challenge: certificate.challenge ?? '',
    dnsProvider: certificate.dnsProvider ?? '',
    renewBeforeDays: certificate.renewBeforeDays?.toString() ?? '',
  };
}

/** Returns the values that were changed in the form: only these are sent. */
export function changesOf(before: Settings, after: Settings): Change {
  const changed = Object.entries(after)
    .map(([name, value]: [string, string]) => [name, value.trim()] as const)
    .filter(([name, value]) => value !== before[name as keyof Settings])
    .map(([name, value]) => [name, valueOf(name as keyof Settings, value)] as const);
  return Object.fromEntries(changed) as Change;
}

function valueOf(name: keyof Settings, value: string): Change[keyof Change] {
  if (name === 'names') return namesOf(value);
  if (name === 'reuseKey') return value !== '';
  if (value === '') return null;
  return name === 'renewBeforeDays' ? Number(value) : value;
}

/** Names as people write them: one a line, or between blanks and commas; each once. */
function namesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((name) => name !== ''))];
}
