import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { type CaaVerdict, checkCaa as caaVerdict } from '@acmex/protocol/caa';
import type { ValidationResolver } from './resolver.ts';
import { problem, type Validation, type ValidationRecord } from './validation.ts';

export interface CaaCheck {
  /** The domain that CAA records name this CA by. */
  readonly issuerDomain: string;
  readonly accountUrl: string;
  /** The type of the challenge. */
  readonly method: string;
  /** Without `*.` */
  readonly identifier: Identifier;
  /** Whether the certificate is to be for `*.` and the name. RFC 8555 §7.1.4 */
  readonly wildcard: boolean;
  readonly resolver: ValidationResolver;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether CAA records let us issue: see `checkCaa` of `@acmex/protocol/caa`. A look-up that fails
 * refuses: what could not be read may forbid. Addresses have no CAA records (RFC 8738 §7 leaves them
 * out).
 * @throws the signal's reason
 */
export async function checkCaa({
  identifier,
  resolver,
  issuerDomain,
  ...request
}: CaaCheck): Promise<Validation> {
  if (identifier.type !== 'dns') return { valid: true, records: [] };
  const verdict = await caaVerdict({
    ...request,
    domain: identifier.value,
    issuerDomains: [issuerDomain],
    lookUp: (name, options) => resolver.caa(name, options),
  });
  const records = verdict.steps.map((step): ValidationRecord => ({
    type: 'look-up',
    record: 'CAA',
    ...step,
  }));
  if (verdict.permitted) return { valid: true, records };
  if (verdict.reason === 'look-up')
    return problem(
      'dns',
      `CAA of ${verdict.at}: the look-up failed (${errorCode(verdict.error) ?? 'no code'}), and what cannot be read may forbid`,
      records,
      verdict.error,
    );
  const fault = refusalText(verdict, { issuerDomain, method: request.method });
  return problem('caa', `the CAA records of ${verdict.at} forbid it: ${fault}`, records);
}

function refusalText(
  verdict: Extract<CaaVerdict, { readonly relevant: number }>,
  { issuerDomain, method }: Pick<CaaCheck, 'issuerDomain' | 'method'>,
): string {
  return verdict.reason === 'critical'
    ? 'one of them is critical and of a kind that is not known here'
    : `none of ${verdict.relevant} permits ${issuerDomain} for this account by ${method}`;
}
