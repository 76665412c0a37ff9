/** What a key may be allowed to do, and what each means. */
export const scopeMeanings = {
  'certificates:read': 'See certificates and their chains.',
  'certificates:write': 'Declare, change, pause and remove certificates.',
  'certificates:revoke': 'Revoke certificates.',
  'private-keys:read': 'Read private keys; each reading is an event.',
  'orders:read': 'See orders, and watch them.',
  'orders:write': 'Order, renew, cancel and retry.',
  'agents:read': 'See which host serves which certificate.',
  'agents:write': 'Report what a host serves, and remove the reports of hosts.',
  'accounts:read': 'See accounts at CAs.',
  'accounts:write': 'Register, change and give up accounts at CAs.',
  'ca:read': 'See what your own CA has issued, its CRLs and its external accounts.',
  'ca:write': 'Revoke certificates of your own CA, and make and revoke its external accounts.',
  'keys:read': 'See API keys, without their secrets.',
  'keys:write': 'Make API keys that are not wider than the own one, rotate and revoke them.',
  'events:read': 'Read what happened.',
  'audit:read': 'Read and verify the audit log.',
  'queue:read': 'See what waits, is late, or fails.',
  'queue:write': 'Have what failed tried again.',
  'metrics:read': 'Read the metrics.',
} as const;

export type Scope = keyof typeof scopeMeanings;
export const scopes = Object.keys(scopeMeanings) as [Scope, ...Scope[]];
