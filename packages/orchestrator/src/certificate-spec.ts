import type { KeyType } from '@acmex/certificate';
import type { JsonObject } from './json.ts';

/** What someone wants. */
export interface CertificateSpec {
  /** As people write them. */
  readonly names: readonly string[];
  /** The name of an issuer. */
  readonly issuer: string;
  readonly profile?: string | undefined;
  readonly keyType: KeyType;
  /** Keep the key at a renewal; a new one each time by default. */
  readonly reuseKey?: boolean | undefined;
  readonly mustStaple?: boolean | undefined;
  /** How each name is proven, in the issuer's own words. */
  readonly proof?: JsonObject | undefined;
  /** Renew no later than this long before the end: ISO 8601. */
  readonly renewBefore?: string | undefined;
  /** Where it goes, in the deployer's own words. */
  readonly deploy?: readonly JsonObject[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Whether a configuration asks for it, and may change it. */
  readonly declared?: boolean | undefined;
}

export type SpecKey = keyof CertificateSpec;

const specKeys = [
  'names',
  'issuer',
  'profile',
  'keyType',
  'reuseKey',
  'mustStaple',
  'proof',
  'renewBefore',
  'deploy',
  'labels',
  'declared',
] as const satisfies readonly SpecKey[];

/** What is part of the issued certificate: a certificate for which one of these changes needs a new order. */
export const orderedKeys = [
  'names',
  'issuer',
  'profile',
  'keyType',
  'mustStaple',
] as const satisfies readonly SpecKey[];

export function isOrderedKey(key: SpecKey): boolean {
  return orderedKeys.some((ordered) => ordered === key);
}

/** What a certificate was, or is to be, issued for. */
export type OrderedSpec = Pick<CertificateSpec, (typeof orderedKeys)[number]>;

export function orderedSpec({
  names,
  issuer,
  profile,
  keyType,
  mustStaple,
}: OrderedSpec): OrderedSpec {
  return { names, issuer, profile, keyType, mustStaple };
}

/**
 * Compares what is wanted with what exists. A key that `wanted` does not have is not compared. The order of names does not count;
 * `undefined`, `false` and what is empty are the same.
 * @returns the keys whose values differ
 */
export function differences(
  wanted: Partial<CertificateSpec>,
  existing: Partial<CertificateSpec>,
): readonly SpecKey[] {
  return specKeys.filter(
    (key) => key in wanted && comparable(wanted, key) !== comparable(existing, key),
  );
}

/** Returns the keys of an order whose values differ. */
export function orderedDifferences(wanted: OrderedSpec, issued: OrderedSpec): readonly SpecKey[] {
  return differences(orderedSpec(wanted), issued);
}

/** Whether a value says nothing: it is undefined, `false`, or an empty list or table. */
export function isEmpty(spec: Partial<CertificateSpec>, key: SpecKey): boolean {
  return comparable(spec, key) === '';
}

export function sameNames(names: readonly string[], others: readonly string[]): boolean {
  return comparable({ names }, 'names') === comparable({ names: others }, 'names');
}

function comparable(spec: Partial<CertificateSpec>, key: SpecKey): string {
  const value = key === 'names' ? [...(spec.names ?? [])].sort() : spec[key];
  const text = JSON.stringify(value, (_, member: unknown) => sortedMembers(member)) ?? '';
  return ['null', 'false', '{}', '[]'].includes(text) ? '' : text;
}

function sortedMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
