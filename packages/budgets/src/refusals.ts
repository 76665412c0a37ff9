import { ipVersion } from '@acmex/identifier';
import type { CaLimits } from './limits.ts';

/** Why a CA never issues a certificate. */
export interface PlanRefusal {
  readonly code: 'too-many-names' | 'too-many-bytes' | 'address';
  /** With the cure. */
  readonly message: string;
}

/**
 * Returns why a CA refuses an order whenever it is made; empty if it does not.
 * @param order `names` in canonical form
 */
export function refusalsOf(
  { names, profile }: { readonly names: readonly string[]; readonly profile?: string | undefined },
  { maxNames, maxNamesOfProfile = {}, maxIdentifierBytes, addressProfiles }: CaLimits,
): readonly PlanRefusal[] {
  const bound = (profile === undefined ? undefined : maxNamesOfProfile[profile]) ?? maxNames;
  const bytes = names.reduce((sum, name) => sum + Buffer.byteLength(name), 0);
  const address = names.find((name) => ipVersion(name) !== undefined);
  const refusals: PlanRefusal[] = [];
  const inProfile = profile === undefined ? '' : ` with the profile ${profile}`;
  if (bound !== undefined && names.length > bound)
    refusals.push({
      code: 'too-many-names',
      message: `it has ${names.length} names, and the CA allows ${bound}${inProfile}: divide it into several certificates`,
    });
  if (maxIdentifierBytes !== undefined && bytes > maxIdentifierBytes)
    refusals.push({
      code: 'too-many-bytes',
      message: `its names have ${bytes} bytes, and the CA allows ${maxIdentifierBytes}: divide it into several certificates`,
    });
  if (address !== undefined && addressProfiles && !addressProfiles.includes(profile ?? ''))
    refusals.push({
      code: 'address',
      message: `${address} is an IP address, which the CA allows only with the profile ${addressProfiles.join(' or ')}: set that profile`,
    });
  return refusals;
}
