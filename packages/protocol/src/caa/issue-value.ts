import { isDomainName } from '@acmex/identifier';

/** A value that names an issuer and says on what terms. RFC 8659 §4.2 */
export interface IssueValue {
  /** Lower case; empty where no issuer is permitted. */
  readonly issuer: string;
  /** Names in lower case; a name may occur twice. */
  readonly parameters: readonly { readonly tag: string; readonly value: string }[];
}

/**
 * Reads the value of a CAA property `issue` or `issuewild`, or of a record with the same grammar;
 * `undefined` for what does not follow the grammar.
 */
export function parseIssueValue(text: string): IssueValue | undefined {
  const [issuer = '', ...rest] = text.split(';').map(withoutSpace);
  if (issuer !== '' && !isDomainName(issuer.toLowerCase())) return undefined;
  const written = rest.length === 1 && rest[0] === '' ? [] : rest;
  const parameters = written.map((parameter) => {
    const [tag = '', ...value] = parameter.split('=');
    return {
      tag: withoutSpace(tag).toLowerCase(),
      value: value.length === 0 ? undefined : withoutSpace(value.join('=')),
    };
  });
  const wellFormed = parameters.filter(
    (parameter): parameter is { tag: string; value: string } =>
      /^[a-z0-9]+(-+[a-z0-9]+)*$/.test(parameter.tag) &&
      parameter.value !== undefined &&
      /^[\x21-\x3a\x3c-\x7e]*$/.test(parameter.value),
  );
  return wellFormed.length === parameters.length
    ? { issuer: issuer.toLowerCase(), parameters: wellFormed }
    : undefined;
}

/**
 * SP and HTAB alone are white space here. The look-behind keeps a long run of it from costing the
 * square of its length.
 */
function withoutSpace(text: string): string {
  return text.replace(/^[ \t]+|(?<![ \t])[ \t]+$/g, '');
}
