import type { components, operations } from '@acmex/api';
import { labelLines, labelsOf } from '../../labels.ts';

type Template = components['schemas']['Template'];
/** What can be said of a certificate, beside its names. */
export type Wishes = NonNullable<
  operations['putApiTemplatesName']['requestBody']
>['content']['application/json'];

export const challenges = ['http-01', 'dns-01', 'tls-alpn-01'] as const;
export const keyTypes = [
  'ec-p256',
  'ec-p384',
  'ec-p521',
  'ed25519',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
] as const satisfies readonly NonNullable<Template['keyType']>[];

const texts = [
  'issuer',
  'profile',
  'preferredChain',
  'keyType',
  'challenge',
  'dnsProvider',
] as const;
const switches = ['reuseKey', 'mustStaple'] as const;

/** What a form has of a certificate, as its fields hold it: empty for the default. */
export type Values = Readonly<
  Record<(typeof texts)[number] | (typeof switches)[number] | 'renewBeforeDays' | 'labels', string>
>;

/** Returns the values of a template, or none. */
export function valuesOf(wishes: Wishes = {}): Values {
  const { renewBeforeDays, labels = {} } = wishes;
  return {
    ...(Object.fromEntries(texts.map((name) => [name, wishes[name] ?? ''])) as Values),
    ...Object.fromEntries(switches.map((name) => [name, wishes[name] === true ? 'true' : ''])),
    renewBeforeDays: renewBeforeDays === undefined ? '' : String(renewBeforeDays),
    labels: labelLines(labels),
  };
}

/** Returns the values that a form holds now. */
export function valuesIn(form: FormData): Values {
  const names = Object.keys(valuesOf());
  const entries = names.map((name) => [name, String(form.get(name) ?? '').trim()]);
  return Object.fromEntries(entries) as Values;
}

/**
 * Returns the values as the server takes them: what is empty is left to its defaults, and JSON does
 * not have it. What no field is for stays as in the template that has filled them in.
 */
export function wishesOf(values: Values, template: Wishes = {}): Wishes {
  const { renewBeforeDays } = values;
  const labels = labelsOf(values.labels);
  return {
    ...template,
    // An issuer that is chosen takes the place of several.
    ...(values.issuer === '' ? {} : { issuers: undefined }),
    ...{ name: undefined },
    ...Object.fromEntries(texts.map((name) => [name, values[name] || undefined])),
    ...Object.fromEntries(switches.map((name) => [name, values[name] === 'true' || undefined])),
    renewBeforeDays: renewBeforeDays === '' ? undefined : Number(renewBeforeDays),
    labels: Object.keys(labels).length === 0 ? undefined : labels,
  };
}
