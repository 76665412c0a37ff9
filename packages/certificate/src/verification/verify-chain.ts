import { rootCertificates } from 'node:tls';
import { type Clock, systemClock } from '@acmex/clock';
import type { Identifier } from '@acmex/identifier';
import type { Temporal } from 'temporal-polyfill';
import { errorText } from '@acmex/errors';
import { blocksOf, largestText } from '../pem.ts';
import {
  type CertificateFields,
  isSelfIssued,
  readCertificateFields,
  serialText,
} from './certificate-fields.ts';
import { nameText } from './distinguished-name.ts';
import {
  boundedText,
  type Check,
  type Fault,
  firstFault,
  type Profile,
  type Role,
} from './fault.ts';
import { algorithmRules } from './rules/algorithms.ts';
import { alternativeNameRules } from './rules/alternative-names.ts';
import {
  basicConstraintRules,
  countIntermediates,
  pathLengthFault,
} from './rules/basic-constraints.ts';
import {
  extendedKeyUsageFault,
  keyUsageFault,
  netscapeTypeFault,
  type Purpose,
} from './rules/extended-key-usage.ts';
import { formRules } from './rules/form.ts';
import { issuerKeyFault, keyIdentifierRules } from './rules/key-identifiers.ts';
import { nameConstraintFault, nameConstraintRules } from './rules/name-constraints.ts';
import { policyFault, policyRules } from './rules/policies.ts';
import { subjectNameFault } from './rules/subject-name.ts';
import { validityFault } from './rules/validity.ts';
import { type IsPublicSuffix, publicSuffixFault, webpkiRules } from './rules/webpki.ts';
import { signatureFault } from './signature.ts';

/** One or more certificates: PEM, with any text around the blocks, or one as DER. */
export type CertificateInput = string | Uint8Array;

export interface VerifyChainOptions {
  /** The certificates that are trusted; those of Node.js by default. */
  readonly anchors?: readonly CertificateInput[] | TrustAnchors;
  /** Further certificates, in any order; those that belong to no path are ignored. */
  readonly intermediates?: readonly CertificateInput[];
  /** The name that the leaf must be for: type `dns`, `ip` or `email`. Any by default. */
  readonly name?: Identifier;
  /** What the leaf is used for; `serverAuth` by default. */
  readonly purpose?: Purpose | 'any';
  /** The instant of the check; now by default. */
  readonly at?: Temporal.Instant;
  readonly clock?: Clock;
  /** The rules; `rfc5280` by default. */
  readonly profile?: Profile;
  /** How many CA certificates may be between leaf and anchor; 10 by default. */
  readonly maxIntermediates?: number;
  /**
   * For the profile `webpki`: which domains are public suffixes, such as `co.uk`. By default only
   * top-level domains are known.
   */
  readonly isPublicSuffix?: IsPublicSuffix;
}

/** A certificate of a path, as a person recognizes it. Long texts are cut off. */
export interface PathMember {
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string;
  readonly der: Uint8Array;
}

/** Why a path was refused: which certificate, which check, and what it found. */
export interface PathFault {
  /** What the path was when the check failed, the leaf first. */
  readonly path: readonly PathMember[];
  /** The certificate that the check refused; absent where the input is not a certificate. */
  readonly certificate?: PathMember;
  readonly check: Check;
  readonly expected: string;
  readonly actual: string;
}

export type ChainVerification =
  | {
      readonly isValid: true;
      /** The leaf first, the anchor last. */
      readonly path: readonly PathMember[];
    }
  | {
      readonly isValid: false;
      /** One for each path that was tried; the one that came farthest first. */
      readonly faults: readonly PathFault[];
    };

/** Trusted certificates that were read once, for many verifications. */
export interface TrustAnchors {
  readonly certificates: readonly CertificateFields[];
}

/** The work that one verification may cost, so that no input takes long. */
const limits = { signatures: 250, steps: 5000, comparisons: 250_000, faults: 100 };
/** How many certificates are read, and how large one input may be in bytes or characters. */
const inputLimits = { certificates: 1000, size: largestText };

/**
 * Verifies a certificate: finds a path to a trusted certificate, whatever the order of the others,
 * and checks it by RFC 5280 §6. Revocation is not a part of it.
 *
 * @param leaf the certificate; further ones in the same PEM are intermediates
 * @returns the path, or why every path was refused, also for an input that is not a certificate; it
 * never throws
 */
export function verifyChain(
  leaf: CertificateInput,
  options: VerifyChainOptions = {},
): ChainVerification {
  const [first, ...rest] = readAll([leaf]);
  if (!first || 'fault' in first) return unreadable(first?.fault ?? 'no certificate');
  const intermediates = [...rest, ...readAll(options.intermediates ?? [])];
  return new PathSearch(first, readable(intermediates), options).verify();
}

/** Reads trusted certificates once, for many calls of `verifyChain`. Unreadable ones are left out. */
export function readTrustAnchors(inputs: readonly CertificateInput[]): TrustAnchors {
  return { certificates: readable(readAll(inputs)) };
}

let defaults: TrustAnchors | undefined;

/** Returns the certificates that `verifyChain` trusts by default: those of Node.js. */
export function publicTrustAnchors(): TrustAnchors {
  defaults ??= readTrustAnchors(rootCertificates);
  return defaults;
}

type ReadResult = CertificateFields | { readonly fault: string };

function readAll(inputs: readonly CertificateInput[]): readonly ReadResult[] {
  const results: ReadResult[] = [];
  for (const input of inputs) {
    results.push(...readInput(input));
    if (results.length >= inputLimits.certificates) break;
  }
  return results.slice(0, inputLimits.certificates);
}

function readInput(input: CertificateInput): readonly ReadResult[] {
  if (input.length > inputLimits.size) return [{ fault: 'more than 1 MiB' }];
  const blocks = blocksOf(input, /^(X509 |TRUSTED )?CERTIFICATE$/);
  return blocks.slice(0, inputLimits.certificates).map((der) => {
    if (!der) return { fault: 'a PEM block that does not end, or is not base64' };
    try {
      return readCertificateFields(der);
    } catch (error) {
      return { fault: errorText(error) };
    }
  });
}

function readable(results: readonly ReadResult[]): readonly CertificateFields[] {
  return results.filter((result): result is CertificateFields => !('fault' in result));
}

function unreadable(actual: string): ChainVerification {
  const fault: Fault = { check: 'format', expected: 'a certificate, PEM or DER', actual };
  return { isValid: false, faults: [{ path: [], ...fault }] };
}

const certificateRules = [
  ...formRules,
  ...algorithmRules,
  ...keyIdentifierRules,
  ...basicConstraintRules,
  ...alternativeNameRules,
  ...nameConstraintRules,
  ...policyRules,
  ...webpkiRules,
];

class PathSearch {
  readonly #leaf: CertificateFields;
  readonly #anchors: ReadonlySet<string>;
  readonly #candidates: ReadonlyMap<string, readonly CertificateFields[]>;
  readonly #options: VerifyChainOptions;
  readonly #profile: Profile;
  readonly #purpose: Purpose | undefined;
  readonly #at: number;
  readonly #faults: PathFault[] = [];
  readonly #signatures = new Map<string, Fault | undefined>();
  readonly #certificates = new Map<string, Fault | undefined>();
  readonly #budget = { ...limits };

  constructor(
    leaf: CertificateFields,
    intermediates: readonly CertificateFields[],
    options: VerifyChainOptions,
  ) {
    const { certificates: anchors } = anchorsOf(options);
    const { clock = systemClock, purpose = 'serverAuth' } = options;
    this.#leaf = leaf;
    this.#options = options;
    this.#profile = options.profile ?? 'rfc5280';
    this.#purpose = purpose === 'any' ? undefined : purpose;
    this.#at = (options.at ?? clock.now()).epochMilliseconds;
    this.#anchors = new Set(anchors.map(({ fingerprint }) => fingerprint));
    this.#candidates = bySubject([...anchors, ...intermediates]);
  }

  verify(): ChainVerification {
    const fault = this.#leafFault();
    if (fault) this.#refuse([], this.#leaf, fault);
    const path = fault ? undefined : this.#extend([this.#leaf]);
    if (path) return { isValid: true, path: path.map(pathMember) };
    const faults = this.#faults.toSorted((a, b) => b.path.length - a.path.length);
    return { isValid: false, faults };
  }

  #leafFault(): Fault | undefined {
    const { name, isPublicSuffix = isTopLevel } = this.#options;
    return (
      this.#certificateFault(this.#leaf, 'leaf') ??
      keyUsageFault(this.#leaf, this.#purpose) ??
      netscapeTypeFault(this.#leaf, this.#purpose) ??
      (name && subjectNameFault(this.#leaf, name)) ??
      (this.#profile === 'webpki' ? publicSuffixFault(this.#leaf, isPublicSuffix) : undefined)
    );
  }

  /** Checks a certificate by itself, once in each role. */
  #certificateFault(certificate: CertificateFields, role: Role): Fault | undefined {
    const key = `${role} ${certificate.fingerprint}`;
    if (this.#certificates.has(key)) return this.#certificates.get(key);
    const fault = this.#newCertificateFault(certificate, role);
    this.#certificates.set(key, fault);
    return fault;
  }

  #newCertificateFault(certificate: CertificateFields, role: Role): Fault | undefined {
    const context = { role, profile: this.#profile };
    return (
      validityFault(certificate, this.#at) ??
      firstFault(certificateRules, (rule) => rule(certificate, context)) ??
      extendedKeyUsageFault(certificate, this.#purpose, context)
    );
  }

  /** Returns the first path from here to an anchor that passes every check. */
  #extend(path: readonly CertificateFields[]): readonly CertificateFields[] | undefined {
    const last = path[path.length - 1] ?? this.#leaf;
    if (this.#anchors.has(last.fingerprint)) return this.#complete(path);
    const issuers = this.#issuers(last, path);
    if (issuers.length === 0) this.#refuse(path, last, noIssuer(last));
    for (const issuer of issuers) {
      const fault = this.#stepFault(path, last, issuer);
      if (fault) this.#refuse(path, issuer, fault);
      const whole = fault ? undefined : this.#extend([...path, issuer]);
      if (whole) return whole;
      if (this.#budget.steps < 0) return undefined;
    }
    return undefined;
  }

  #complete(path: readonly CertificateFields[]): readonly CertificateFields[] | undefined {
    const fault = policyFault(path);
    if (!fault) return path;
    this.#refuse(path, this.#leaf, fault);
    return undefined;
  }

  /** The certificates that may have issued one, the likeliest first. */
  #issuers(
    certificate: CertificateFields,
    path: readonly CertificateFields[],
  ): readonly CertificateFields[] {
    const wanted = certificate.known.authorityKeyIdentifier?.keyIdentifier;
    const rank = (issuer: CertificateFields) => {
      const identifier = issuer.known.subjectKeyIdentifier;
      const isOther = wanted !== undefined && identifier !== undefined && wanted !== identifier;
      const isExpired = validityFault(issuer, this.#at) !== undefined;
      return (
        (isOther ? 4 : 0) + (isExpired ? 2 : 0) + (this.#anchors.has(issuer.fingerprint) ? 0 : 1)
      );
    };
    return (this.#candidates.get(certificate.issuer.key) ?? [])
      .filter((issuer) => !path.some((member) => isSameEntity(member, issuer)))
      .toSorted((a, b) => rank(a) - rank(b));
  }

  #stepFault(
    path: readonly CertificateFields[],
    certificate: CertificateFields,
    issuer: CertificateFields,
  ): Fault | undefined {
    this.#budget.steps -= 1;
    if (this.#budget.steps < 0) return exhausted('steps');
    const isAnchor = this.#anchors.has(issuer.fingerprint);
    return (
      this.#certificateFault(issuer, isAnchor ? 'anchor' : 'intermediate') ??
      this.#depthFault(path, issuer, isAnchor) ??
      pathLengthFault(issuer, path) ??
      issuerKeyFault(certificate, issuer, this.#profile) ??
      this.#signatureFault(certificate, issuer) ??
      this.#nameConstraintFault(path, issuer)
    );
  }

  #depthFault(
    path: readonly CertificateFields[],
    issuer: CertificateFields,
    isAnchor: boolean,
  ): Fault | undefined {
    const { maxIntermediates = 10 } = this.#options;
    const count = countIntermediates(isAnchor ? path : [...path, issuer]);
    if (count <= maxIntermediates && path.length <= maxIntermediates + 10) return undefined;
    return {
      check: 'path-length',
      expected: `at most ${maxIntermediates} CA certificates below the anchor`,
      actual: String(Math.max(count, path.length)),
    };
  }

  #signatureFault(certificate: CertificateFields, issuer: CertificateFields): Fault | undefined {
    const pair = `${certificate.fingerprint} ${issuer.fingerprint}`;
    if (this.#signatures.has(pair)) return this.#signatures.get(pair);
    this.#budget.signatures -= 1;
    if (this.#budget.signatures < 0) return exhausted('signatures');
    const fault = signatureFault(certificate, issuer);
    this.#signatures.set(pair, fault);
    return fault;
  }

  /** RFC 5280 §6.1.3 (b) and (c): the leaf, and the CAs that are not self-issued. */
  #nameConstraintFault(
    path: readonly CertificateFields[],
    issuer: CertificateFields,
  ): Fault | undefined {
    const constrained = path.filter((member, index) => index === 0 || !isSelfIssued(member));
    return firstFault(constrained, (member) => nameConstraintFault(member, issuer, this.#budget));
  }

  #refuse(path: readonly CertificateFields[], certificate: CertificateFields, fault: Fault): void {
    if (this.#faults.length >= limits.faults) return;
    this.#faults.push({
      path: path.map(pathMember),
      certificate: pathMember(certificate),
      check: fault.check,
      expected: boundedText(fault.expected),
      actual: boundedText(fault.actual),
    });
  }
}

function anchorsOf({ anchors }: VerifyChainOptions): TrustAnchors {
  if (!anchors) return publicTrustAnchors();
  return 'certificates' in anchors ? anchors : readTrustAnchors(anchors);
}

function bySubject(
  certificates: readonly CertificateFields[],
): ReadonlyMap<string, readonly CertificateFields[]> {
  const groups = new Map<string, Map<string, CertificateFields>>();
  for (const certificate of certificates) {
    const group = groups.get(certificate.subject.key) ?? new Map<string, CertificateFields>();
    groups.set(certificate.subject.key, group.set(certificate.fingerprint, certificate));
  }
  return new Map([...groups].map(([subject, group]) => [subject, [...group.values()]]));
}

/** The same CA with the same key and names, certified again, leads nowhere new. */
function isSameEntity(first: CertificateFields, second: CertificateFields): boolean {
  return (
    first.subject.key === second.subject.key &&
    Buffer.from(first.publicKey).equals(second.publicKey) &&
    alternativeNamesKey(first) === alternativeNamesKey(second)
  );
}

function alternativeNamesKey({ extensions }: CertificateFields): string {
  const names = extensions.find(({ identifier }) => identifier === '2.5.29.17');
  return names ? Buffer.from(names.value).toString('base64') : '';
}

function isTopLevel(domain: string): boolean {
  return !domain.includes('.');
}

function noIssuer(certificate: CertificateFields): Fault {
  const name = nameText(certificate.issuer);
  return isSelfIssued(certificate)
    ? { check: 'issuer', expected: `a trusted certificate of ${name}`, actual: 'an untrusted one' }
    : { check: 'issuer', expected: `a certificate of ${name}`, actual: 'none' };
}

function exhausted(what: 'steps' | 'signatures'): Fault {
  return { check: 'budget', expected: `at most ${limits[what]} ${what}`, actual: 'more' };
}

const pathMembers = new WeakMap<CertificateFields, PathMember>();

function pathMember(certificate: CertificateFields): PathMember {
  const known = pathMembers.get(certificate);
  if (known) return known;
  const member = {
    subject: boundedText(nameText(certificate.subject)),
    issuer: boundedText(nameText(certificate.issuer)),
    serialNumber: boundedText(serialText(certificate)),
    fingerprint: certificate.fingerprint,
    der: certificate.der,
  };
  pathMembers.set(certificate, member);
  return member;
}
