import type { IssueValue } from './issue-value.ts';

/** Who wants to issue, for whom, by what proof. */
export interface CaaIssuance {
  /** The domains that CAA records name the CA by: any of them. RFC 8659 §4.2 */
  readonly issuerDomains: readonly string[];
  /** Absent where there is no account yet: then a record that requires one does not permit it. */
  readonly accountUrl?: string | undefined;
  /** The type of the challenge: `http-01`. */
  readonly method: string;
}

/** What of a request a property does not permit. */
export type CaaFault = 'issuer' | 'account' | 'method';

/**
 * Returns why a property does not permit a request; undefined where it does. Parameters other than
 * those of RFC 8657 mean nothing to us, and are passed over.
 */
export function propertyFault(
  { issuer, parameters }: IssueValue,
  { issuerDomains, accountUrl, method }: CaaIssuance,
): CaaFault | undefined {
  const values = (tag: string) =>
    parameters.filter((parameter) => parameter.tag === tag).map(({ value }) => value);
  const [accounts, methods] = [values('accounturi'), values('validationmethods')];
  if (issuer === '' || !issuerDomains.some((domain) => domain.toLowerCase() === issuer))
    return 'issuer';
  // Twice the same parameter can be satisfied by none. RFC 8657 §3, §4
  if (accounts.length > 1 || accounts.some((account) => account !== accountUrl)) return 'account';
  if (methods.length > 1 || !methods.every((list) => allows(list, method))) return 'method';
  return undefined;
}

function allows(list: string, method: string): boolean {
  const labels = list.split(',');
  return labels.every((label) => /^[a-z0-9-]+$/i.test(label)) && labels.includes(method);
}
