import { readFile } from 'node:fs/promises';
import {
  type CertificateInput,
  type ChainVerification,
  type PathMember,
  publicTrustAnchors,
  readTrustAnchors,
  type TrustAnchors,
} from '@acmex/certificate';
import { errorCode, errorText, systemFailureText } from '@acmex/errors';
import { ManagerError } from './errors.ts';
import type { IssuerSettings } from './issuers.ts';

/** A trusted certificate, and what names it. */
export interface Anchor {
  readonly subject: string;
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string;
  /**
   * `public`: the certificates of Node.js; `issuer`: `ca_certificate` or `trust_anchors` of a CA;
   * `caller`: those that the caller passed in place of all others.
   */
  readonly source: 'public' | 'issuer' | 'caller';
  /** The CA that names it, for `issuer`. */
  readonly issuer?: string;
}

/** Which certificates are trusted, and what names each. */
export interface Trust {
  readonly anchors: TrustAnchors;
  /** Returns the anchor of a path; undefined where the chain is not valid. */
  anchorOf(verification: ChainVerification): Anchor | undefined;
}

/** Returns a trust in these certificates alone. */
export function trustOnly(certificates: readonly CertificateInput[]): Trust {
  return trustIn(readTrustAnchors(certificates), () => ({ source: 'caller' }));
}

/**
 * Returns a trust in the certificates of Node.js, and in those that the settings of these CAs name.
 * For a certificate of a known CA pass that CA alone: a private CA is not trusted for the
 * certificates of another.
 * @throws ManagerError `ERR_MANAGER_ISSUER` for a file that cannot be read
 */
export async function trustOf(
  issuers: readonly Pick<IssuerSettings, 'name' | 'caCertificate' | 'trustAnchors'>[],
): Promise<Trust> {
  const named = new Map<string, string>();
  const certificates = [...publicTrustAnchors().certificates];
  const isPublic = new Set(certificates.map(({ fingerprint }) => fingerprint));
  for (const { name, caCertificate, trustAnchors } of issuers) {
    const inputs = [await caCertificate?.(), ...((await trustAnchors?.()) ?? [])];
    const read = readTrustAnchors(inputs.filter((input) => input !== undefined));
    for (const certificate of read.certificates) {
      const { fingerprint } = certificate;
      if (isPublic.has(fingerprint) || named.has(fingerprint)) continue;
      named.set(fingerprint, name);
      certificates.push(certificate);
    }
  }
  return trustIn({ certificates }, ({ fingerprint }) => {
    const issuer = named.get(fingerprint);
    return issuer === undefined ? { source: 'public' } : { source: 'issuer', issuer };
  });
}

function trustIn(
  anchors: TrustAnchors,
  sourceOf: (anchor: PathMember) => Pick<Anchor, 'source' | 'issuer'>,
): Trust {
  return {
    anchors,
    anchorOf(verification) {
      const last = verification.isValid ? verification.path.at(-1) : undefined;
      return last && { subject: last.subject, fingerprint: last.fingerprint, ...sourceOf(last) };
    },
  };
}

/**
 * Reads the trusted certificates of a file that the configuration names.
 * @throws ManagerError `ERR_MANAGER_ISSUER`, also for a file without one
 */
export async function trustAnchorsIn(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unusable(
      file,
      `cannot be read (${systemFailureText(errorCode(cause) ?? '') ?? errorText(cause)})`,
      { cause },
    );
  });
  if (readTrustAnchors([bytes]).certificates.length === 0)
    throw unusable(file, 'has no certificate');
  return bytes;
}

function unusable(file: string, problem: string, options: ErrorOptions = {}): ManagerError {
  return new ManagerError(
    'ERR_MANAGER_ISSUER',
    `the file ${file} of trust_anchors ${problem}: check trust_anchors in acmex.toml`,
    options,
  );
}
