import type { Fault } from '../fault.ts';
import type { Settings } from '../settings.ts';
import { longTexts, repeatedCertificates } from './certificates.ts';
import type { Check } from './check.ts';
import { deployTargets } from './deploy.ts';
import { deviceKeys } from './device-keys.ts';
import { keyTypePairs } from './key-types.ts';
import { dnsChallenges, dnsProviders, dnsZones, pairs } from './dns.ts';
import { drafts } from './drafts.ts';
import { acme, issuers } from './issuers.ts';
import { storage } from './storage.ts';
import { tenants } from './tenants.ts';

const checks: readonly Check[] = [
  acme,
  issuers,
  dnsProviders,
  dnsZones,
  dnsChallenges,
  drafts,
  pairs,
  storage,
  tenants,
  deviceKeys,
  keyTypePairs,
  deployTargets,
  longTexts,
  repeatedCertificates,
];

/**
 * Checks that the tables of a configuration fit together, in settings that may have other faults.
 */
export function crossCheckFaults(settings: Settings): readonly Fault[] {
  return checks.flatMap((check) => check(settings)).filter((fault) => fault !== undefined);
}
