import type { KeyType } from '@acmex/certificate';

/** The types of keys that a CA can sign with. */
export const authorityKeyTypes = [
  'ec-p256',
  'ec-p384',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
] as const satisfies readonly KeyType[];
export type AuthorityKeyType = (typeof authorityKeyTypes)[number];
