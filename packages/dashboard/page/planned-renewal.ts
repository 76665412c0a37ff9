import type { components } from '@acmex/api';

type Certificate = components['schemas']['Certificate'];

/** The renewal that will happen: nothing renews a certificate that is paused. */
export function plannedRenewal({
  paused,
  renewal,
}: Pick<Certificate, 'paused' | 'renewal'>): Certificate['renewal'] {
  return paused ? undefined : renewal;
}
