import type { Clock } from '@acmex/clock';
import {
  type CertificateState,
  expiryOf,
  type Failure,
  type ManagedCertificate,
  stateOf,
} from '@acmex/orchestrator';
import { HttpsError } from './errors.ts';

/** What a health check shows of a certificate. Times are RFC 3339. */
export interface CertificateStatus {
  readonly names: readonly string[];
  /**
   * `valid`; `due`: its renewal begins; `failing`: the last attempt has failed, and the certificate
   * is served on; `waiting`: for the limits of the CA; `unissued`: a self-signed one is served;
   * `expired` and `revoked`: it is served on.
   */
  readonly state: CertificateState;
  /** Undefined until it is issued. */
  readonly notAfter: string | undefined;
  /** Lower-case hexadecimal; undefined until it is issued. */
  readonly serialNumber: string | undefined;
  /** When it is renewed next; undefined until it is issued. */
  readonly renewAt: string | undefined;
  /** The last attempt, if it has failed; undefined after a success. */
  readonly failure: Pick<Failure, 'code' | 'message' | 'at' | 'retryAt'> | undefined;
}

/** Returns what a health check shows of a certificate. */
export function statusOf(certificate: ManagedCertificate, clock: Clock): CertificateStatus {
  const { names, current, renewal, failure } = certificate;
  return {
    names,
    state: stateOf(certificate, clock),
    notAfter: current && expiryOf(current),
    serialNumber: current?.serialNumber,
    renewAt: renewal?.at,
    failure: failure && {
      code: failure.code,
      message: failure.message,
      at: failure.at,
      retryAt: failure.retryAt,
    },
  };
}

const dayMs = 86_400_000;
/** How many names an error has. */
const namedNames = 5;

/** Returns the error of a certificate that is served on although it ends soon or has ended. */
export function notRenewed({ names, notAfter = '', failure }: CertificateStatus, clock: Clock) {
  const days = (Date.parse(notAfter) - clock.now().epochMilliseconds) / dayMs;
  const further = names.length - namedNames;
  const subject = `${names.slice(0, namedNames).join(', ')}${further > 0 ? ` and ${further} more` : ''}`;
  const end = days > 0 ? `ends in ${daysText(days)}` : `ended ${daysText(-days)} ago`;
  const reason = failure
    ? `the last attempt failed: ${failure.message}`
    : 'no attempt has failed: check that a program with its storage runs';
  return new HttpsError(
    'ERR_HTTPS_NOT_RENEWED',
    `the certificate of ${subject} ${end} and is not renewed; it is served on; ${reason}`,
  );
}

function daysText(days: number): string {
  const whole = Math.floor(days);
  if (whole === 0) return 'less than a day';
  return whole === 1 ? '1 day' : `${whole} days`;
}
