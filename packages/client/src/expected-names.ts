import { printable } from '@acmex/errors';
import { type Identifier, normalizedIdentifier } from '@acmex/identifier';
import { AcmeError, type Authorization, type OrderedIdentifier } from '@acmex/protocol';
import { nameOf } from './progress.ts';

/**
 * Makes sure that an authorization is for a name that was asked for, before it is responded to: a CA
 * could otherwise have records written for any name that the solvers can write.
 * @throws AcmeError `ERR_ACME_ANSWER`
 */
export function checkExpected(
  authorization: Authorization,
  identifiers: readonly OrderedIdentifier[],
): void {
  if (namesOf(authorization).some((name) => identifiers.some((asked) => isFor(asked, name))))
    return;
  throw new AcmeError(
    'ERR_ACME_ANSWER',
    `the authorization ${authorization.url} is for ${printable(nameOf(authorization), 255)}, which was not asked for: it is not responded to; report it to the CA`,
  );
}

/** The names that an authorization can be for: without `wildcard`, some CAs leave it out. */
function namesOf({ identifier, wildcard }: Authorization): readonly Identifier[] {
  const { type, value } = identifier;
  const whole = { type, value: `*.${value}` };
  return wildcard ? [whole] : [identifier, whole];
}

/** A domain above the name serves for it where the request permits it. RFC 9444 §4.3 */
function isFor({ type, value, ancestorDomain }: OrderedIdentifier, name: Identifier): boolean {
  const asked = ancestorDomain === undefined ? [value] : [value, ancestorDomain];
  return asked.some((text) => textOf({ type, value: text }) === textOf(name));
}

function textOf(identifier: Identifier): string {
  const { type, value } = normalizedIdentifier(identifier);
  return `${type}:${value}`;
}
