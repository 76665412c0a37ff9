import type { components } from '@acmex/api';

export type Authority = components['schemas']['CertificateAuthority'];
export type Issuer = Authority['issuers'][number];
export type ListState = 'current' | 'due' | 'overdue' | 'none' | 'ended';

/**
 * How the revocation list of an issuer is. `ended`: the issuer has expired, and with it all that it
 * issued. @param nowMs milliseconds since 1970
 */
export function listState({ certificate, crl }: Issuer, nowMs: number): ListState {
  if (Date.parse(certificate.notAfter) <= nowMs) return 'ended';
  if (crl === undefined) return 'none';
  return Date.parse(crl.nextUpdate) <= nowMs ? 'overdue' : crl.state;
}

/** Whether the list of the root has ended. */
export function isRootOverdue({ rootCrl }: Authority, nowMs: number): boolean {
  return rootCrl !== undefined && Date.parse(rootCrl.nextUpdate) <= nowMs;
}
