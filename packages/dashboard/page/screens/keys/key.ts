import type { components } from '@acmex/api';

export type Key = components['schemas']['Key'];
export type Scope = Key['scopes'][number];
export type Area =
  'certificates' | 'orders' | 'accounts' | 'hosts' | 'authority' | 'keys' | 'operation';

const areaOf: Readonly<Record<Scope, Area>> = {
  'certificates:read': 'certificates',
  'certificates:write': 'certificates',
  'certificates:revoke': 'certificates',
  'private-keys:read': 'certificates',
  'orders:read': 'orders',
  'orders:write': 'orders',
  'accounts:read': 'accounts',
  'accounts:write': 'accounts',
  'agents:read': 'hosts',
  'agents:write': 'hosts',
  'ca:read': 'authority',
  'ca:write': 'authority',
  'keys:read': 'keys',
  'keys:write': 'keys',
  'queue:read': 'operation',
  'queue:write': 'operation',
  'events:read': 'operation',
  'audit:read': 'operation',
  'metrics:read': 'operation',
};

/** Returns scopes by what they are about, without what has none. */
export function scopesByArea(
  scopes: readonly Scope[],
): readonly (readonly [Area, readonly Scope[]])[] {
  const areas = new Map<Area, Scope[]>();
  for (const [scope, area] of Object.entries(areaOf) as [Scope, Area][]) {
    if (scopes.includes(scope)) areas.set(area, [...(areas.get(area) ?? []), scope]);
  }
  return [...areas];
}

/** @param nowMs milliseconds since 1970 */
export function keyState(
  { revokedAt, expiresAt }: Pick<Key, 'revokedAt' | 'expiresAt'>,
  nowMs: number,
): 'valid' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs ? 'expired' : 'valid';
}

/** Returns the patterns of names that a person has entered, by blanks, commas or lines. */
export function namesOf(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((name) => name !== '');
}
