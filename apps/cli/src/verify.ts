import {
  type ChainVerification,
  type PathFault,
  type PathMember,
  type Profile,
  verifyChain,
} from '@acmex/certificate';
import { printable } from '@acmex/errors';
import { type Identifier, identifier } from '@acmex/identifier';
import { Temporal } from 'temporal-polyfill';
import { chainTree } from './chain-tree.ts';
import { formatResult, type OutputFormat } from './output.ts';
import { isPublicSuffix } from './public-suffix.ts';
import { readAnchors, readCertificateBytes } from './read-text.ts';
import type { Terminal } from './terminal.ts';

export interface VerifyOptions {
  readonly cert: string;
  readonly anchors: readonly string[] | undefined;
  readonly intermediates: readonly string[] | undefined;
  readonly name: string | undefined;
  readonly at: string | undefined;
  readonly profile: Profile;
  readonly purpose: 'serverAuth' | 'clientAuth' | 'emailProtection' | 'any';
  readonly output: OutputFormat;
}

/** The exit code where the certificate is not trusted. */
const notTrusted = 3;

/**
 * `acmex verify`: shows the path from a certificate to a trusted one, or why there is none.
 *
 * @returns the exit code
 */
export async function verify(options: VerifyOptions, { stdout }: Terminal): Promise<number> {
  const { cert, anchors, intermediates = [], name, at, profile, purpose, output } = options;
  const verification = verifyChain(await readCertificateBytes(cert), {
    ...(anchors && { anchors: await Promise.all(anchors.map(readAnchors)) }),
    intermediates: await Promise.all(intermediates.map(readCertificateBytes)),
    ...(name !== undefined && { name: nameOf(name) }),
    ...(at !== undefined && { at: Temporal.Instant.from(at) }),
    profile,
    purpose,
    isPublicSuffix,
  });
  const document = toDocument(cert, verification);
  const rows = verification.isValid ? document.path : document.faults.map(faultRow);
  stdout.write(formatResult({ text: toText(verification), document, rows }, output));
  return verification.isValid ? 0 : notTrusted;
}

function nameOf(text: string): Identifier {
  return text.includes('@') ? { type: 'email', value: text } : identifier(text);
}

function toDocument(file: string, verification: ChainVerification) {
  return {
    file,
    isValid: verification.isValid,
    path: verification.isValid ? verification.path.map(memberDocument) : [],
    faults: verification.isValid ? [] : verification.faults.map(faultDocument),
  };
}

function memberDocument({ subject, issuer, serialNumber, fingerprint }: PathMember) {
  return { subject, issuer, serialNumber, fingerprint };
}

function faultDocument({ path, certificate, check, expected, actual }: PathFault) {
  return {
    check,
    expected,
    actual,
    ...(certificate && { certificate: memberDocument(certificate) }),
    path: path.map(memberDocument),
  };
}

function faultRow({ check, expected, actual, certificate }: ReturnType<typeof faultDocument>) {
  return { check, expected, actual, ...certificate };
}

function toText(verification: ChainVerification): string {
  if (verification.isValid)
    return `valid\n${chainTree(verification.path.map(({ subject }) => subject))}`;
  return ['not valid', ...verification.faults.map(faultText)].join('\n');
}

function faultText({ certificate, check, expected, actual }: PathFault): string {
  const subject = certificate && `${printable(certificate.subject || '(no subject)', 300)}: `;
  const difference = `expected ${printable(expected, 300)}, found ${printable(actual, 300)}`;
  return `${subject ?? ''}${check}: ${difference}`;
}
