import {
  checkedIdentifier,
  type Identifier,
  IdentifierError,
  isBelow,
  isWildcard,
  withoutWildcard,
} from '@acmex/identifier';
import type { Issuer, PresentIssuers } from './authority/issuer.ts';
import { type ProblemDocument, problem, quoted, refusal, refusedNames } from './problems.ts';
import type { Profile } from './profiles.ts';

/** Says no to a name with a reason for the client, or nothing. Asked for each name of an order. */
export type IdentifierPolicy = (
  identifier: Identifier,
  account: { readonly id: string; readonly externalAccount: string | undefined },
) => Promise<string | undefined>;

/** A name of an order in its stored form: lower-case A-labels or an address in its canonical text. */
export interface OrderedName extends Identifier {
  readonly type: 'dns' | 'ip';
  /** A domain above it whose authorization shall serve. RFC 9444 §4.3 */
  readonly ancestorDomain?: string | undefined;
}

/**
 * The names of an order, each once.
 * @throws Refusal `malformed` for what is not a list of identifiers, and one problem for each bad
 * name
 */
export function readIdentifiers(json: unknown, limit: number): readonly OrderedName[] {
  if (!Array.isArray(json) || json.length === 0)
    throw refusal('malformed', 'an order has "identifiers": a list of one or more');
  if (json.length > limit)
    throw refusal(
      'malformed',
      `an order has at most ${limit} identifiers, and this one has ${json.length}`,
    );
  const problems: ProblemDocument[] = [];
  const names = new Map<string, OrderedName>();
  for (const entry of json) {
    const name = readIdentifier(entry);
    if ('detail' in name) problems.push(name);
    else names.set(`${name.type} ${name.value}`, name);
  }
  if (problems.length > 0) throw refusedNames(problems);
  return [...names.values()];
}

/** One name, or what is wrong with it. */
export function readIdentifier(json: unknown): OrderedName | ProblemDocument {
  const { type, value, ancestorDomain } = (
    typeof json === 'object' && json !== null ? json : {}
  ) as Record<string, unknown>;
  if (typeof type !== 'string' || typeof value !== 'string')
    return problem('malformed', 'an identifier has a type and a value, both texts');
  const sent = { type: type.slice(0, 20), value: value.slice(0, 253) };
  if (type !== 'dns' && type !== 'ip')
    return problem(
      'unsupportedIdentifier',
      `identifiers of the type ${quoted(type)} are not supported: use dns or ip`,
      { identifier: sent },
    );
  const name = orderedName(type, value);
  if (typeof name === 'string')
    return problem('rejectedIdentifier', `${quoted(value)} ${name}`, { identifier: sent });
  if (ancestorDomain === undefined) return name;
  const ancestor = typeof ancestorDomain === 'string' ? orderedName('dns', ancestorDomain) : '';
  if (type !== 'dns' || typeof ancestor === 'string' || !isBelow(name.value, ancestor.value))
    return problem('malformed', `the ancestorDomain of ${quoted(value)} is not a domain above it`, {
      identifier: sent,
    });
  return { ...name, ancestorDomain: ancestor.value };
}

/**
 * Returns the name in canonical form, or what is wrong with it. A CA takes A-labels only. RFC 8555
 * §7.1.4
 */
function orderedName(type: 'dns' | 'ip', value: string): OrderedName | string {
  try {
    const name = checkedIdentifier({ type, value });
    return isWildcard(name.value) && !withoutWildcard(name.value).includes('.')
      ? 'is a wildcard of a top-level name: order the names below it'
      : { type, value: name.value };
  } catch (error) {
    if (error instanceof IdentifierError) return `${error.problem}: ${error.remedy}`;
    throw error;
  }
}

/**
 * @throws Refusal with one problem for each name that the profile, the issuer's own certificate or
 * the policy refuses
 */
export async function checkAllowed(
  {
    issuers,
    policy,
  }: {
    readonly issuers: () => Promise<PresentIssuers>;
    readonly policy: IdentifierPolicy;
  },
  names: readonly OrderedName[],
  profile: Profile,
  account: Parameters<IdentifierPolicy>[1],
): Promise<void> {
  const { current: issuer } = await issuers();
  const faults = await Promise.all(
    names.map(async (name) => {
      if (!profile.identifierTypes.some((identifierType) => identifierType === name.type))
        return problem(
          'unsupportedIdentifier',
          `the profile ${profile.name} has no identifiers of the type ${name.type}`,
          { identifier: name },
        );
      const why = isPermitted(name, issuer)
        ? await policy(name, account)
        : 'is outside of the domains and addresses that this CA is for';
      return why === undefined
        ? undefined
        : problem('rejectedIdentifier', `${quoted(name.value)} ${why}`, { identifier: name });
    }),
  );
  const problems = faults.filter((fault) => fault !== undefined);
  if (problems.length > 0) throw refusedNames(problems);
}

/** The authorization of an ancestor is for the ancestor itself, and for all names below it. */
function isPermitted({ type, value, ancestorDomain }: OrderedName, issuer: Issuer): boolean {
  return (
    issuer.permits({ type, value }) &&
    (ancestorDomain === undefined || issuer.permits({ type, value: ancestorDomain }))
  );
}
