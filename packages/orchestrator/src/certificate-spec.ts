import type { KeyType } from '@acmex/certificate';
import * as z from 'zod';
import { areAsWanted, type PartlyOrdered } from './failing-names.ts';
import type { JsonObject } from './json.ts';
import { jsonObject, texts } from './record-fields.ts';

/** What is wanted of a certificate. */
export interface CertificateSpec {
  /** As people write them. */
  readonly names: readonly string[];
  /** The name of the preferred issuer. */
  readonly issuer: string;
  /**
   * The names of the issuers to use where `issuer` cannot issue, the best first; none by default.
   * A certificate of one of them is as wanted: see `issuersInOrder`.
   */
  readonly fallbackIssuers?: readonly string[] | undefined;
  readonly profile?: string | undefined;
  /**
   * The chain to use where the CA offers several: the common name of the issuer that it ends in, or
   * the SHA-256 fingerprint of any certificate in it. Without such a chain, the CA's first.
   */
  readonly preferredChain?: string | undefined;
  /**
   * Of a key in a device: found out when it first signs. It is not compared where `key` is given
   * too.
   */
  readonly keyType: KeyType;
  /**
   * The type of a second key, of another algorithm: the certificate is then a pair, which is issued,
   * renewed, deployed and revoked together. Not with `key`.
   */
  readonly secondKeyType?: KeyType | undefined;
  /**
   * The reference of a key that cannot leave its device, such as `pkcs11:token=web;object=www`; by
   * default each order creates a key in memory.
   */
  readonly key?: string | undefined;
  /**
   * Keep the private key when the certificate is renewed; by default each renewal makes a new one.
   */
  readonly reuseKey?: boolean | undefined;
  readonly mustStaple?: boolean | undefined;
  /** How names are validated. Only the issuer reads it. */
  readonly proof?: JsonObject | undefined;
  /** Renew at the latest this long before expiry. ISO 8601 duration. */
  readonly renewBefore?: string | undefined;
  /** Renew only in these: see `parseWeeklyWindow` of `@acmex/clock`. Those of all certificates by default. */
  readonly maintenanceWindows?: readonly string[] | undefined;
  /**
   * Leave out names that are not validated again and again, so that the rest is issued; by default a
   * certificate has all its names. See `afterFailedNames`.
   */
  readonly allowSubsetOfNames?: boolean | undefined;
  /** Where it is deployed. Only the deployer reads it. */
  readonly deploy?: readonly JsonObject[] | undefined;
  /** The servers that serve it. Only the manager reads it. */
  readonly servedAt?: readonly JsonObject[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Whether a configuration declares it. */
  readonly declared?: boolean | undefined;
}

// A newer version may have more types.
const keyTypeText = z.custom<KeyType>((value) => typeof value === 'string', 'it is not a text');
const orderedShape = {
  names: texts.min(1),
  issuer: z.string(),
  profile: z.string().optional(),
  keyType: keyTypeText,
  secondKeyType: keyTypeText.optional(),
  mustStaple: z.boolean().optional(),
};
/** What a stored `OrderedSpec` looks like. */
export const orderedSpecSchema = z.looseObject(orderedShape);
/** What a stored `CertificateSpec` looks like. */
export const certificateSpecSchema = z.looseObject({
  ...orderedShape,
  fallbackIssuers: texts.optional(),
  reuseKey: z.boolean().optional(),
  proof: jsonObject.optional(),
  renewBefore: z.string().optional(),
  maintenanceWindows: texts.optional(),
  allowSubsetOfNames: z.boolean().optional(),
  deploy: z.array(jsonObject).optional(),
  servedAt: z.array(jsonObject).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  declared: z.boolean().optional(),
});

export type SpecKey = keyof CertificateSpec;

const specKeys = [
  'names',
  'issuer',
  'fallbackIssuers',
  'profile',
  'preferredChain',
  'keyType',
  'secondKeyType',
  'key',
  'reuseKey',
  'mustStaple',
  'proof',
  'renewBefore',
  'maintenanceWindows',
  'allowSubsetOfNames',
  'deploy',
  'servedAt',
  'labels',
  'declared',
] as const satisfies readonly SpecKey[];

/**
 * The keys that decide what is issued: when one of them changes, the certificate needs a new order.
 */
export const orderedKeys = [
  'names',
  'issuer',
  'profile',
  'preferredChain',
  'keyType',
  'secondKeyType',
  'key',
  'mustStaple',
] as const satisfies readonly SpecKey[];

export function isOrderedKey(key: SpecKey): boolean {
  return orderedKeys.some((ordered) => ordered === key);
}

/** What a certificate was issued for, or is to be issued for. */
export type OrderedSpec = Pick<CertificateSpec, (typeof orderedKeys)[number]>;

export function orderedSpec({
  names,
  issuer,
  profile,
  preferredChain,
  keyType,
  secondKeyType,
  key,
  mustStaple,
}: OrderedSpec): OrderedSpec {
  return { names, issuer, profile, preferredChain, keyType, secondKeyType, key, mustStaple };
}

/**
 * Returns what an order is for, as it is stored: without a preferred chain it is the empty text. It
 * is absent only in records of earlier versions, which do not say which chain was preferred.
 */
export function storedOrderedSpec(spec: OrderedSpec): OrderedSpec {
  return { ...orderedSpec(spec), preferredChain: spec.preferredChain ?? '' };
}

/**
 * Compares what is wanted with what exists. Keys that are absent in `wanted` are not compared. The
 * order of names does not count; `undefined`, `false` and empty values are the same.
 * @returns the keys whose values differ
 */
export function differences(
  wanted: Partial<CertificateSpec>,
  existing: Partial<CertificateSpec>,
): readonly SpecKey[] {
  return specKeys.filter(
    (key) =>
      key in wanted &&
      !(key === 'keyType' && wanted.key !== undefined) &&
      wanted[key] !== existing[key] &&
      comparable(wanted, key) !== comparable(existing, key),
  );
}

/**
 * Returns those of `orderedKeys` whose values differ. A preferred chain that is not known is not
 * compared: see `storedOrderedSpec`. Each of the wanted issuers is as good, and names that are left
 * out need not be issued.
 */
export function orderedDifferences(
  wanted: OrderedSpec & Pick<CertificateSpec, 'fallbackIssuers'> & Pick<PartlyOrdered, 'leftOut'>,
  issued: OrderedSpec,
): readonly SpecKey[] {
  return differences(orderedSpec(wanted), issued).filter(
    (key) =>
      (key !== 'names' || !areAsWanted(issued.names, wanted)) &&
      (key !== 'preferredChain' || issued.preferredChain !== undefined) &&
      (key !== 'issuer' || !allIssuers(wanted).includes(issued.issuer)),
  );
}

/** Returns the names of all issuers that may issue a certificate, the preferred one first. */
export function allIssuers({
  issuer,
  fallbackIssuers = [],
}: Pick<CertificateSpec, 'issuer' | 'fallbackIssuers'>): readonly string[] {
  return [...new Set([issuer, ...fallbackIssuers])];
}

/** Whether a value is undefined, `false`, or an empty list or object. */
export function isEmpty(spec: Partial<CertificateSpec>, key: SpecKey): boolean {
  return comparable(spec, key) === '';
}

/** Whether both lists have the same names, in any order. */
export function sameNames(first: readonly string[], second: readonly string[]): boolean {
  return comparable({ names: first }, 'names') === comparable({ names: second }, 'names');
}

function comparable(spec: Partial<CertificateSpec>, key: SpecKey): string {
  const value = key === 'names' ? [...(spec.names ?? [])].sort() : spec[key];
  const text = JSON.stringify(value, (_, member: unknown) => sortedMembers(member)) ?? '';
  return ['null', 'false', '""', '{}', '[]'].includes(text) ? '' : text;
}

function sortedMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
