import type { IssueValue } from '@acmex/protocol/drafts';

/** Who wants to issue, for whom, by what proof. */
export interface IssueRequest {
  readonly issuerDomain: string;
  readonly accountUrl: string;
  readonly method: string;
}

/**
 * Whether a property lets the request through. Parameters other than those of RFC 8657 mean nothing
 * to us, and are passed over.
 */
export function permits(
  { issuer, parameters }: IssueValue,
  { issuerDomain, accountUrl, method }: IssueRequest,
): boolean {
  const values = (tag: string) =>
    parameters.filter((parameter) => parameter.tag === tag).map(({ value }) => value);
  const [accounts, methods] = [values('accounturi'), values('validationmethods')];
  // Twice the same parameter can be satisfied by none. RFC 8657 §3, §4
  if (
    issuer === '' ||
    issuer !== issuerDomain.toLowerCase() ||
    accounts.length > 1 ||
    methods.length > 1
  )
    return false;
  return (
    accounts.every((account) => account === accountUrl) &&
    methods.every((list) => allows(list, method))
  );
}

function allows(list: string, method: string): boolean {
  const labels = list.split(',');
  return labels.every((label) => /^[a-z0-9-]+$/i.test(label)) && labels.includes(method);
}
