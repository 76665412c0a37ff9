import { identifier, IdentifierError, isWildcard } from '@acmex/identifier';

/** Why a name cannot be ordered. */
export type NameFault =
  | { readonly type: 'form'; readonly message: string }
  | { readonly type: 'duplicate'; readonly line: number }
  | { readonly type: 'wildcard' | 'address'; readonly challenge: string };

export interface EnteredName {
  /** As it was written. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
  readonly fault?: NameFault | undefined;
}

/**
 * Reads names that are written one to a line; blanks and commas separate names too.
 *
 * @param challenge what will validate the names, empty if it is not known: a wildcard needs DNS, and
 * an address cannot be validated by DNS. RFC 8555 §7.1.3, RFC 8738 §7
 */
export function readNames(text: string, challenge: string): readonly EnteredName[] {
  const lineOf = new Map<string, number>();
  return text.split('\n').flatMap((lineText, index) =>
    lineText
      .split(/[\s,]+/)
      .filter((word) => word !== '')
      .map((word): EnteredName => {
        const line = index + 1;
        return { text: word, line, fault: faultOf(word, { line, lineOf, challenge }) };
      }),
  );
}

function faultOf(
  text: string,
  {
    line,
    lineOf,
    challenge,
  }: { readonly line: number; readonly lineOf: Map<string, number>; readonly challenge: string },
): NameFault | undefined {
  const name = parsed(text);
  if ('message' in name) return { type: 'form', message: name.message };
  const { type, value } = name;
  const earlier = lineOf.get(value);
  if (earlier !== undefined) return { type: 'duplicate', line: earlier };
  lineOf.set(value, line);
  if (challenge === '') return undefined;
  const isByDns = challenge.startsWith('dns-');
  if (isWildcard(value) && !isByDns) return { type: 'wildcard', challenge };
  if (type === 'ip' && isByDns) return { type: 'address', challenge };
  return undefined;
}

function parsed(text: string): ReturnType<typeof identifier> | { readonly message: string } {
  try {
    return identifier(text);
  } catch (error) {
    if (!(error instanceof IdentifierError)) throw error;
    return { message: error.message };
  }
}
