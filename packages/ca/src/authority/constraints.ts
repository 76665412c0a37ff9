import { BlockList } from 'node:net';
import { identifier, type Identifier, ipVersion, isCovered, isWildcard } from '@acmex/identifier';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509';
import { CaError } from '../errors.ts';
import { x509 } from './x509.ts';

/**
 * The names that a CA can issue for: its certificates say so themselves, so that its stolen key is
 * worth nothing elsewhere. RFC 5280 §4.2.1.10
 */
export interface Constraints {
  /** Domains, each with all names below: `corp.example`. Of none: no DNS names at all. */
  readonly domains: readonly string[];
  /** Address ranges such as `10.0.0.0/8` and `fd00::/8`. Of none: no addresses at all. */
  readonly addresses: readonly string[];
}

/** Either is said, and never both: who wants a CA for every name has to say so. */
export type Constrained =
  | { readonly constraints: Constraints; readonly unconstrained?: never }
  | { readonly unconstrained: true; readonly constraints?: never };

/**
 * The constraints in their canonical form; undefined for none.
 * @throws CaError `ERR_CA_CONSTRAINTS`
 */
export function checkedConstraints({
  constraints,
  unconstrained,
}: {
  readonly constraints?: Constraints | undefined;
  readonly unconstrained?: boolean | undefined;
}): Constraints | undefined {
  if (unconstrained === true && constraints === undefined) return undefined;
  if (constraints === undefined || unconstrained === true)
    throw new CaError(
      'ERR_CA_CONSTRAINTS',
      'name the domains and address ranges that the CA is for, or say `unconstrained: true`, which lets its key issue for every name there is',
    );
  if (constraints.domains.length + constraints.addresses.length === 0)
    throw new CaError(
      'ERR_CA_CONSTRAINTS',
      'the CA could issue for nothing: name a domain or an address range',
    );
  return { domains: constraints.domains.map(domain), addresses: constraints.addresses.map(range) };
}

/** The subtrees of a certificate, by kind of name. */
interface Subtrees {
  readonly permitted: Constraints;
  readonly excluded: Constraints;
}

/**
 * Returns whether a CA's own certificate lets it issue for a name: permitted where its kind is
 * limited at all, and not excluded. A wildcard that covers an excluded domain is excluded: those
 * who verify a certificate accept it for that domain. RFC 5280 §4.2.1.10
 */
export function permits(certificate: x509.X509Certificate): (identifier: Identifier) => boolean {
  const extension = certificate.getExtension(id_ce_nameConstraints);
  if (extension === null) return () => true;
  const { permittedSubtrees, excludedSubtrees } = AsnConvert.parse(
    extension.value,
    NameConstraints,
  );
  const subtrees: Subtrees = {
    permitted: basesOf(permittedSubtrees),
    excluded: basesOf(excludedSubtrees),
  };
  return ({ type, value }) => {
    const [bases, isWithin] =
      type === 'dns' ? (['domains', isBelow] as const) : (['addresses', isInRange] as const);
    const [permitted, excluded] = [subtrees.permitted[bases], subtrees.excluded[bases]];
    return (
      (permitted.length === 0 || permitted.some((base) => isWithin(value, base))) &&
      !excluded.some((base) => isWithin(value, base) || isCovered(base, value))
    );
  };
}

function basesOf(subtrees: GeneralSubtrees | undefined): Constraints {
  const bases = [...(subtrees ?? [])].map(({ base }) => base);
  return {
    domains: bases.flatMap(({ dNSName }) => (dNSName === undefined ? [] : [dNSName.toLowerCase()])),
    addresses: bases.flatMap(({ iPAddress }) => (iPAddress === undefined ? [] : [iPAddress])),
  };
}

/**
 * The empty base is above all names; one with a dot in front, as OpenSSL has it, above others than
 * itself.
 */
function isBelow(name: string, base: string): boolean {
  return base === '' || name === base || name.endsWith(base.startsWith('.') ? base : `.${base}`);
}

function isInRange(address: string, range: string): boolean {
  const [base, prefix] = splitRange(range);
  if (ipVersion(address) === undefined || family(address) !== family(base)) return false;
  const list = new BlockList();
  list.addSubnet(base, prefix, family(base));
  return list.check(address, family(address));
}

/**
 * The critical extension. What is not permitted is excluded by name, since an unnamed kind of name
 * is unconstrained.
 */
export function nameConstraints({ domains, addresses }: Constraints): x509.Extension {
  const subtrees = (names: readonly GeneralName[]) =>
    new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })));
  const permitted = [
    ...domains.map((dNSName) => new GeneralName({ dNSName })),
    ...addresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  const excluded = [
    ...(domains.length === 0 ? [new GeneralName({ dNSName: '' })] : []),
    ...['0.0.0.0/0', '::/0']
      .filter((all) => !addresses.some((address) => family(address) === family(all)))
      .map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  const value = new NameConstraints({
    permittedSubtrees: subtrees(permitted),
    ...(excluded.length > 0 ? { excludedSubtrees: subtrees(excluded) } : {}),
  });
  return new x509.Extension(id_ce_nameConstraints, true, AsnConvert.serialize(value));
}

function domain(text: string): string {
  try {
    const { type, value } = identifier(text);
    if (type === 'dns' && !isWildcard(value)) return value;
  } catch (cause) {
    throw new CaError(
      'ERR_CA_CONSTRAINTS',
      `${JSON.stringify(text)} is not a valid domain: write corp.example`,
      { cause },
    );
  }
  throw new CaError(
    'ERR_CA_CONSTRAINTS',
    `${JSON.stringify(text)} is not a valid domain: write corp.example, which includes all names below it`,
  );
}

function range(text: string): string {
  const [address, prefix] = splitRange(text);
  const longest = { 0: -1, 4: 32, 6: 128 }[ipVersion(address) ?? 0];
  if (!/^[^/]+\/\d{1,3}$/.test(text) || prefix > longest)
    throw new CaError(
      'ERR_CA_CONSTRAINTS',
      `${JSON.stringify(text)} is not a valid address range: write 10.0.0.0/8 or fd00::/8`,
    );
  return `${identifier(address).value}/${prefix}`;
}

function splitRange(text: string): readonly [string, number] {
  const [address = '', prefix = ''] = text.split('/');
  return [address, Number(prefix)];
}

function family(text: string): 'ipv4' | 'ipv6' {
  return text.includes(':') ? 'ipv6' : 'ipv4';
}
