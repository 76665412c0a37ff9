// RFC 5280 §4.1.2.5: both ends of the validity belong to it.
import type { CertificateFields } from '../certificate-fields.ts';
import type { Fault } from '../fault.ts';

/** @param at milliseconds since 1970; fractions of a second are ignored */
export function validityFault(
  { notBefore, notAfter }: CertificateFields,
  at: number,
): Fault | undefined {
  const second = Math.floor(at / 1000) * 1000;
  if (second >= notBefore && second <= notAfter) return undefined;
  return {
    check: 'validity',
    expected: `a time from ${text(notBefore)} to ${text(notAfter)}`,
    actual: text(second),
  };
}

function text(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
