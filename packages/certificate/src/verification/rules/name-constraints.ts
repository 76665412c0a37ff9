// RFC 5280 §4.2.1.10: the names that a CA may certify.
import type { CertificateFields } from '../certificate-fields.ts';
import { tags } from '../der-value.ts';
import {
  attributeTexts,
  emailAttribute,
  isEmptyName,
  isWithinName,
  type NameAttribute,
  nameText as distinguishedNameText,
} from '../distinguished-name.ts';
import { boundedText, type CertificateRule, type Fault, firstFault } from '../fault.ts';
import type { GeneralName } from '../general-name.ts';
import { isMailbox } from './alternative-names.ts';
import { isCritical } from './form.ts';

const fault = (expected: string, actual: string): Fault => ({
  check: 'name-constraints',
  expected,
  actual,
});

/** Where name constraints may be, and how they are written. */
const form: CertificateRule = (certificate, { profile }) => {
  const { nameConstraints, basicConstraints } = certificate.known;
  if (!nameConstraints) return undefined;
  if (basicConstraints?.isCa !== true)
    return fault('name constraints only in a CA certificate', 'some in another');
  if (profile === 'rfc5280' && !isCritical(certificate, 'nameConstraints'))
    return fault('critical name constraints', 'ones that are not critical');
  const all = [...nameConstraints.permitted, ...nameConstraints.excluded];
  return firstFault(all, (base) =>
    isWellFormed(base, profile !== 'private')
      ? undefined
      : fault('a well-formed name constraint', nameText(base)),
  );
};

export const nameConstraintRules: readonly CertificateRule[] = [form];

function isWellFormed(base: GeneralName, isStrict: boolean): boolean {
  switch (base.kind) {
    case 'dns':
      return isHost(isStrict ? base.value : base.value.replace(/^\./, ''));
    case 'ip':
      return isNetwork(base.value);
    case 'email':
      return base.value.includes('@')
        ? isMailbox(base.value)
        : isHost(base.value.replace(/^\./, ''));
    case 'uri':
      return isHost(base.value.replace(/^\./, ''));
    default:
      return true;
  }
}

const label = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/i;

/** Returns whether a text is a host, or empty, which is every host. RFC 1123 §2.1 */
function isHost(text: string): boolean {
  const isLabel = (part: string) => part.length <= 63 && label.test(part);
  return text === '' || (text.length <= 253 && text.split('.').every(isLabel));
}

/** Returns whether bytes are an address and a mask of as many bytes, whose ones are all in front. */
function isNetwork(bytes: Uint8Array): boolean {
  if (bytes.length !== 8 && bytes.length !== 32) return false;
  const mask = [...bytes.subarray(bytes.length / 2)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(mask);
}

/** Counts comparisons, so that many names under many constraints cost a bounded time. */
export interface ComparisonBudget {
  comparisons: number;
}

/**
 * Checks the names of a certificate against the constraints of a CA above it.
 *
 * @param budget loses one for each comparison; below zero the check fails
 */
export function nameConstraintFault(
  certificate: CertificateFields,
  issuer: CertificateFields,
  budget: ComparisonBudget,
): Fault | undefined {
  const constraints = issuer.known.nameConstraints;
  if (!constraints) return undefined;
  const address = certificate.subject.relativeNames.flat().find(isOddAddress);
  if (address) return fault('an e-mail address that is an IA5String', address.escaped);
  return firstFault(constrainedNames(certificate), (name) => {
    const isSameKind = (base: GeneralName) => isComparable(base, name);
    const permitted = constraints.permitted.filter(isSameKind);
    const excluded = constraints.excluded.filter(isSameKind);
    budget.comparisons -= constraints.permitted.length + constraints.excluded.length;
    if (budget.comparisons < 0)
      return { check: 'budget', expected: 'fewer names and name constraints', actual: 'too many' };
    // "the application MUST reject the certificate"
    const isConstrained = permitted.length + excluded.length > 0;
    if (isConstrained && name.kind === 'uri' && hostOf(name.value) === undefined)
      return fault('a URI with the name of a host', nameText(name));
    if (excluded.some((base) => isExcluded(name, base)))
      return fault('a name that is not excluded', nameText(name));
    if (permitted.length > 0 && !permitted.some((base) => isPermitted(name, base)))
      return fault('a name that is permitted', nameText(name));
    return undefined;
  });
}

/** RFC 5280 §4.1.2.6, §A.1: an emailAddress is an IA5String. */
function isOddAddress({ type, tag }: NameAttribute): boolean {
  return type === emailAttribute && tag !== tags.ia5String;
}

const namesOf = new WeakMap<CertificateFields, readonly GeneralName[]>();

/** The names that constraints apply to: the subject, its e-mail addresses, and subjectAltName. */
function constrainedNames(certificate: CertificateFields): readonly GeneralName[] {
  const known = namesOf.get(certificate);
  if (known) return known;
  const { subject } = certificate;
  const alternative = certificate.known.subjectAlternativeName ?? [];
  const directory: GeneralName[] = isEmptyName(subject)
    ? []
    : [{ kind: 'directory', value: subject }];
  const emails = attributeTexts(subject, emailAttribute).map((value) => ({
    kind: 'email' as const,
    value,
  }));
  const names = [...directory, ...emails, ...alternative];
  namesOf.set(certificate, names);
  return names;
}

function isComparable(base: GeneralName, name: GeneralName): boolean {
  if (base.kind !== name.kind) return false;
  return base.kind !== 'other' || base.value === name.value;
}

function isPermitted(name: GeneralName, base: GeneralName): boolean {
  // RFC 5280 §4.2.1.10 gives an empty host a meaning for DNS names alone.
  if ((base.kind === 'email' || base.kind === 'uri') && base.value === '') return false;
  if (name.kind === 'dns' && base.kind === 'dns')
    return isWithinDomain(name.value.replace(/^\*\./, ''), base.value);
  return isWithin(name, base);
}

/**
 * A wildcard is excluded also when one of the names that it covers is. Nothing defines how names of
 * other kinds compare: they are excluded by each constraint of their kind, and permitted by none.
 */
function isExcluded(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'other' || name.kind === 'registeredId') return true;
  if (name.kind !== 'dns' || base.kind !== 'dns') return isWithin(name, base);
  if (isPermitted(name, base)) return true;
  const parent = base.value.replace(/^\./, '').replace(/^[^.]*\.?/, '');
  return name.value.startsWith('*.') && equalHosts(parent, name.value.slice(2));
}

function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'ip' && base.kind === 'ip') return isWithinNetwork(name.value, base.value);
  if (name.kind === 'directory' && base.kind === 'directory')
    return isWithinName(name.value, base.value);
  if (name.kind === 'email' && base.kind === 'email') return isWithinMail(name.value, base.value);
  if (name.kind === 'uri' && base.kind === 'uri') return isWithinUri(name.value, base.value);
  return false;
}

function equalHosts(first: string, second: string): boolean {
  return first.toLowerCase() === second.toLowerCase();
}

/** The domain itself or any name below it. A leading dot leaves out the domain itself. */
function isWithinDomain(name: string, base: string): boolean {
  const [host, domain] = [name.toLowerCase(), base.toLowerCase()];
  if (domain === '') return true;
  if (domain.startsWith('.')) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

/** A host, or with a leading dot the hosts below it. RFC 5280 §4.2.1.10 */
function isWithinHost(name: string, base: string): boolean {
  return base.startsWith('.') ? isWithinDomain(name, base) : base === '' || equalHosts(name, base);
}

function isWithinMail(name: string, base: string): boolean {
  const at = name.lastIndexOf('@');
  const [local, host] = [name.slice(0, at), name.slice(at + 1)];
  const baseAt = base.lastIndexOf('@');
  if (baseAt < 0) return isWithinHost(host, base);
  return local === base.slice(0, baseAt) && equalHosts(host, base.slice(baseAt + 1));
}

function isWithinUri(name: string, base: string): boolean {
  const host = hostOf(name);
  return host !== undefined && isWithinHost(host, base);
}

/**
 * Returns the host of a URI; undefined for a URI without one, with an address, or where OpenSSL
 * finds another host: it ends a host at a colon or slash alone. RFC 3986 §3.2
 */
function hostOf(uri: string): string | undefined {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@:]*@)?([^/?#:@]+)(?::\d*(?:[/?#]|$)|\/|$)/i;
  const host = authority.exec(uri)?.[1] ?? '';
  return host !== '' && isHost(host) && !/(?:^|\.)\d+$/.test(host) ? host : undefined;
}

function isWithinNetwork(address: Uint8Array, network: Uint8Array): boolean {
  return (
    network.length === address.length * 2 &&
    address.every((byte, index) => {
      const mask = network[address.length + index] ?? 0;
      return (byte & mask) === ((network[index] ?? 0) & mask);
    })
  );
}

function nameText(name: GeneralName): string {
  if (name.kind === 'ip') return `the address ${Buffer.from(name.value).toString('hex')}`;
  if (name.kind === 'directory')
    return `the directory name ${boundedText(distinguishedNameText(name.value))}`;
  return `${name.kind} ${JSON.stringify(boundedText(name.value))}`;
}
