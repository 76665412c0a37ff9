import { isIP } from 'node:net';
import { identifier, type Identifier } from '@acmex/protocol';
import type { Issuer } from './authority/issuer.ts';
import { type ProblemDocument, problem, quoted, refusal, refusedNames } from './problems.ts';
import type { Profile } from './profiles.ts';

/** Says no to a name with a reason for the client, or nothing. Asked for each name of an order. */
export type IdentifierPolicy = (
  identifier: Identifier,
  account: { readonly id: string; readonly externalAccount: string | undefined },
) => Promise<string | undefined>;

/** A name of an order as it is kept: lower-case A-labels or an address in its canonical text. */
export interface OrderedName extends Identifier {
  readonly type: 'dns' | 'ip';
  /** A domain above it whose authorization shall serve. RFC 9444 §4.3 */
  readonly ancestorDomain?: string | undefined;
}

/**
 * The names of an order, each once.
 * @throws Refusal `malformed` for what is no list of identifiers, and one problem for each bad name
 */
export function readIdentifiers(json: unknown, most: number): readonly OrderedName[] {
  if (!Array.isArray(json) || json.length === 0)
    throw refusal('malformed', 'an order has "identifiers": a list of one or more');
  if (json.length > most)
    throw refusal(
      'malformed',
      `an order has at most ${most} identifiers, and this one has ${json.length}`,
    );
  const problems: ProblemDocument[] = [];
  const names = new Map<string, OrderedName>();
  for (const one of json) {
    const name = readIdentifier(one);
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
  const shown = { type: type.slice(0, 20), value: value.slice(0, 253) };
  if (type !== 'dns' && type !== 'ip')
    return problem(
      'unsupportedIdentifier',
      `identifiers of the type ${quoted(type)} are not supported: use dns or ip`,
      { identifier: shown },
    );
  const fault = type === 'ip' ? addressFault(value) : nameFault(value);
  if (fault !== undefined)
    return problem('rejectedIdentifier', `${quoted(value)} ${fault}`, { identifier: shown });
  const name: OrderedName = {
    type,
    value: type === 'ip' ? identifier(value).value : value.toLowerCase(),
  };
  if (ancestorDomain === undefined) return name;
  const isAbove =
    typeof ancestorDomain === 'string' &&
    type === 'dns' &&
    nameFault(ancestorDomain) === undefined &&
    name.value.endsWith(`.${ancestorDomain.toLowerCase()}`);
  if (!isAbove)
    return problem('malformed', `the ancestorDomain of ${quoted(value)} is no domain above it`, {
      identifier: shown,
    });
  return { ...name, ancestorDomain: ancestorDomain.toLowerCase() };
}

function addressFault(value: string): string | undefined {
  return isIP(value) === 0 || value.includes('%')
    ? 'is no IP address: write it as RFC 5952 does, without port and zone'
    : undefined;
}

/** A-labels alone: what a client means by other letters is not for a CA to guess. RFC 8555 §7.1.4 */
function nameFault(value: string): string | undefined {
  const name = value.startsWith('*.') ? value.slice(2) : value;
  if (value.length > 253) return 'is longer than 253 characters';
  if (/[^\x20-\x7e]/.test(value))
    return 'is not in A-labels: write xn--... for internationalized names';
  if (name.includes('*'))
    return 'has its * in the wrong place: a wildcard is *. before a whole name';
  if (name.endsWith('.')) return 'ends with a dot: leave it away';
  const labels = name.split('.');
  if (!labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)))
    return 'is no domain name: its labels are 1 to 63 of a-z, 0-9 and -';
  if (/^(\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? ''))
    return 'ends in a number, as only an IP address does';
  if (labels.some((label) => /^..--/.test(label) && !isPunycode(label)))
    return 'has a label that begins like xn-- and is none';
  if (name !== value && labels.length < 2) return 'is a wildcard of a top-level name';
  return undefined;
}

function isPunycode(label: string): boolean {
  return /^xn--/i.test(label) && URL.canParse(`http://${label}.test/`);
}

/** @throws Refusal with one problem for each name that the profile, the issuer's own certificate or the policy refuses */
export async function checkAllowed(
  { issuer, policy }: { readonly issuer: Issuer; readonly policy: IdentifierPolicy },
  names: readonly Identifier[],
  profile: Profile,
  account: Parameters<IdentifierPolicy>[1],
): Promise<void> {
  const faults = await Promise.all(
    names.map(async (name) => {
      if (!profile.identifierTypes.some((one) => one === name.type))
        return problem(
          'unsupportedIdentifier',
          `the profile ${profile.name} has no identifiers of the type ${name.type}`,
          { identifier: name },
        );
      const why = issuer.permits({ ...name, value: name.value.replace(/^\*\./, '') })
        ? await policy(name, account)
        : 'is outside of the domains and addresses that this CA is for';
      return why === undefined
        ? undefined
        : problem('rejectedIdentifier', `${quoted(name.value)} ${why}`, { identifier: name });
    }),
  );
  const problems = faults.filter((one) => one !== undefined);
  if (problems.length > 0) throw refusedNames(problems);
}
