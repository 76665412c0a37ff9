import type { components, operations } from '@acmex/api';

type Certificate = components['schemas']['Certificate'];
/** What `PATCH /api/certificates/{id}` takes. */
export type Change = NonNullable<
  operations['patchApiCertificatesId']['requestBody']
>['content']['application/json'];

export const keyTypes = [
  'ec-p256',
  'ec-p384',
  'ec-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ed25519',
] as const satisfies readonly Certificate['keyType'][];
export const challenges = [
  'http-01',
  'dns-01',
  'tls-alpn-01',
] as const satisfies readonly Certificate['challenge'][];

/** What the form has: every value as it is written there; empty for the default. */
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

/** Returns what was changed in the form: nothing else is sent, so that it stays as it is. */
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

/**
 * Reads labels, one a line.
 * @returns undefined where a line is not NAME=VALUE
 */
export function labelsOf(text: string): Record<string, string> | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const entries = lines.map((line) => /^([^=\s]+)\s*=\s*(.*)$/.exec(line));
  if (entries.includes(null)) return undefined;
  return Object.fromEntries(entries.map((entry) => [entry?.[1] ?? '', entry?.[2] ?? '']));
}

/** Labels as `labelsOf` reads them. */
export function labelLines(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}
