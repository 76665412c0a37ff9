import type { CaPorts, Check, Finding, RunChecksOptions } from '@acmex/check';
import type { LookUp } from '@acmex/dns';
import type { AddressPolicy } from '@acmex/egress';
import type { CertificateSpec } from '@acmex/orchestrator';

/** A certificate as it would be ordered. */
export interface CheckedCertificate extends Pick<
  CertificateSpec,
  'names' | 'issuer' | 'profile' | 'mustStaple' | 'proof' | 'deploy' | 'renewBefore'
> {
  readonly keyType?: CertificateSpec['keyType'] | undefined;
  readonly secondKeyType?: CertificateSpec['secondKeyType'];
  /** When its current certificate begins and ends, where it has one. RFC 3339 */
  readonly current?: { readonly notBefore: string; readonly notAfter: string } | undefined;
}

export interface CheckOptions extends Omit<RunChecksOptions, 'clock'> {
  /** Also write records at an unused name of each zone, and remove them; false by default. */
  readonly writesRecords?: boolean | undefined;
  /**
   * Whether a CA only connects to public addresses, by its directory; by default one whose own root
   * certificate is not in its settings.
   */
  readonly isPublicCa?: ((directory: string) => boolean) | undefined;
  /**
   * Which addresses are connected to, where names are chosen by others than those who configure the
   * CA; all that the CA can have by default. Findings name no address that is refused.
   */
  readonly mayConnect?: AddressPolicy | undefined;
  /** Which of the checks run; all by default. */
  readonly kinds?: readonly Check['kind'][] | undefined;
  /** Checks of the caller, whose results come first. */
  readonly further?: readonly Check[] | undefined;
  /** Checks a path that a renewal writes to, besides its permissions; none by default. */
  readonly findingsOfPath?:
    ((path: string, subject: string) => Promise<readonly Finding[]>) | undefined;
  /** Differs from the internet in tests alone. */
  readonly network?: CheckNetwork | undefined;
}

/** How names are reached. */
export interface CheckNetwork {
  /** Ports at which the CA connects; 80 and 443 by default. */
  readonly ports?: CaPorts | undefined;
  /** Addresses that a public CA reaches; the public ones by default. */
  readonly policy?: AddressPolicy | undefined;
  /** Whether this machine has IPv6; by default, whether it has a global address. */
  readonly ipv6?: boolean | undefined;
  /** Returns questions to a name server, by its address. */
  readonly lookUpAt?: ((address: string) => LookUp) | undefined;
  /** For an answer of one address; 5 seconds by default. ISO 8601 */
  readonly answerLimit?: string | undefined;
}
