/** The value of an issue or issuewild property. RFC 8659 §4.2 */
export interface IssueProperty {
  /** Lower case; empty where no CA is meant. */
  readonly issuer: string;
  /** Names in lower case; a name may stand there twice. */
  readonly parameters: readonly { readonly tag: string; readonly value: string }[];
}

/** Who wants to issue, for whom, by what proof. */
export interface IssueRequest {
  readonly issuerDomain: string;
  readonly accountUrl: string;
  readonly method: string;
}

/** Reads a value; `undefined` for what does not follow the grammar, and so permits nobody. */
export function parseIssue(text: string): IssueProperty | undefined {
  const [issuer = '', ...rest] = text.split(';').map(withoutSpace);
  if (!/^([a-z0-9-]+(\.[a-z0-9-]+)*)?$/i.test(issuer)) return undefined;
  const written = rest.length === 1 && rest[0] === '' ? [] : rest;
  const parameters = written.map((one) => {
    const [tag = '', ...value] = one.split('=');
    return { tag: withoutSpace(tag).toLowerCase(), value: value.length === 0 ? undefined : withoutSpace(value.join('=')) };
  });
  const wellFormed = parameters.filter((one): one is { tag: string; value: string } => /^[a-z0-9]+(-+[a-z0-9]+)*$/.test(one.tag) && one.value !== undefined && /^[\x21-\x3a\x3c-\x7e]*$/.test(one.value));
  return wellFormed.length === parameters.length ? { issuer: issuer.toLowerCase(), parameters: wellFormed } : undefined;
}

/** Whether a property lets the request through. Parameters other than those of RFC 8657 mean nothing to us, and are passed over. */
export function permits({ issuer, parameters }: IssueProperty, { issuerDomain, accountUrl, method }: IssueRequest): boolean {
  const values = (tag: string) => parameters.filter((one) => one.tag === tag).map(({ value }) => value);
  const [accounts, methods] = [values('accounturi'), values('validationmethods')];
  // Twice the same parameter can be satisfied by none. RFC 8657 §3, §4
  if (issuer === '' || issuer !== issuerDomain.toLowerCase() || accounts.length > 1 || methods.length > 1) return false;
  return accounts.every((account) => account === accountUrl) && methods.every((list) => allows(list, method));
}

function allows(list: string, method: string): boolean {
  const labels = list.split(',');
  return labels.every((label) => /^[a-z0-9-]+$/i.test(label)) && labels.includes(method);
}

/** SP and HTAB alone are white space here. The look-behind keeps a long run of it from costing the square of its length. */
function withoutSpace(text: string): string {
  return text.replace(/^[ \t]+|(?<![ \t])[ \t]+$/g, '');
}
