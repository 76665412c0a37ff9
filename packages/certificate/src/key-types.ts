/** The types of private keys, from the most common. */
export const keyTypes = [
  'ec-p256',
  'ec-p384',
  'ec-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ed25519',
] as const;
export type KeyType = (typeof keyTypes)[number];
