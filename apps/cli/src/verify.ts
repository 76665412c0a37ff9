import {
  type ChainVerification,
  type PathFault,
  type PathMember,
  type Profile,
  verifyChain,
} from '@acmex/certificate';
import { printable } from '@acmex/errors';
import { type Identifier, identifier } from '@acmex/identifier';
import type { Anchor } from '@acmex/manager';
import { Temporal } from 'temporal-polyfill';
import { chainTree } from './chain-tree.ts';
import { formatResult, type OutputFormat } from './output.ts';
import { isPublicSuffix } from './public-suffix.ts';
import { readCertificateBytes } from './read-text.ts';
import type { Terminal } from './terminal.ts';
import { anchorText, trustFor, type TrustOptions } from './trust.ts';

export interface VerifyOptions extends TrustOptions {
  readonly cert: string;
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
export async function verify(options: VerifyOptions, terminal: Terminal): Promise<number> {
  const { cert, intermediates = [], name, at, profile, purpose, output } = options;
  const leaf = await readCertificateBytes(cert);
  const trust = await trustFor(options, terminal);
  const verification = verifyChain(leaf, {
    anchors: trust.anchors,
    intermediates: await Promise.all(intermediates.map(readCertificateBytes)),
    ...(name !== undefined && { name: nameOf(name) }),
    ...(at !== undefined && { at: Temporal.Instant.from(at) }),
    profile,
    purpose,
    isPublicSuffix,
  });
  const anchor = trust.anchorOf(verification);
  const document = { ...toDocument(cert, verification), ...(anchor && { anchor }) };
  const rows = verification.isValid ? document.path : document.faults.map(faultRow);
  terminal.stdout.write(
    formatResult({ text: toText(verification, anchor), document, rows }, output),
  );
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

function toText(verification: ChainVerification, anchor: Anchor | undefined): string {
  if (verification.isValid) {
    const tree = chainTree(verification.path.map(({ subject }) => subject));
    const trusted = anchor && `${printable(anchor.subject, 300)}, ${anchorText(anchor)}`;
    return `valid\n${tree}\ntrusted: ${trusted}`;
  }
  return ['not valid', ...verification.faults.map(faultText)].join('\n');
}

function faultText({ certificate, check, expected, actual }: PathFault): string {
  const subject = certificate && `${printable(certificate.subject || '(no subject)', 300)}: `;
  const difference = `expected ${printable(expected, 300)}, found ${printable(actual, 300)}`;
  return `${subject ?? ''}${check}: ${difference}`;
}
