import { isDomainName } from '@acmex/identifier';

/** A value that names an issuer and says on what terms. RFC 8659 §4.2 */
export interface IssueValue {
  /** Lower case; empty where nobody is meant. */
  readonly issuer: string;
  /** Names in lower case; a name may stand there twice. */
  readonly parameters: readonly { readonly tag: string; readonly value: string }[];
}

/** Reads the value of a CAA property `issue` or `issuewild`, or of a record that is written alike; `undefined` for what does not follow the grammar. */
export function parseIssueValue(text: string): IssueValue | undefined {
  const [issuer = '', ...rest] = text.split(';').map(withoutSpace);
  if (issuer !== '' && !isDomainName(issuer.toLowerCase())) return undefined;
  const written = rest.length === 1 && rest[0] === '' ? [] : rest;
  const parameters = written.map((one) => {
    const [tag = '', ...value] = one.split('=');
    return {
      tag: withoutSpace(tag).toLowerCase(),
      value: value.length === 0 ? undefined : withoutSpace(value.join('=')),
    };
  });
  const wellFormed = parameters.filter(
    (one): one is { tag: string; value: string } =>
      /^[a-z0-9]+(-+[a-z0-9]+)*$/.test(one.tag) &&
      one.value !== undefined &&
      /^[\x21-\x3a\x3c-\x7e]*$/.test(one.value),
  );
  return wellFormed.length === parameters.length
    ? { issuer: issuer.toLowerCase(), parameters: wellFormed }
    : undefined;
}

/** SP and HTAB alone are white space here. The look-behind keeps a long run of it from costing the square of its length. */
function withoutSpace(text: string): string {
  return text.replace(/^[ \t]+|(?<![ \t])[ \t]+$/g, '');
}
