import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

/** The function of Node.js 22.15 and later. */
type GetCertificates = (type?: 'default' | 'system' | 'extra') => string[];

function getCertificates(): GetCertificates | undefined {
  return 'getCACertificates' in tls && typeof tls.getCACertificates === 'function'
    ? (tls.getCACertificates as GetCertificates)
    : undefined;
}

/**
 * Returns the root certificates that Node.js trusts by default, PEM; with the file of
 * `NODE_EXTRA_CA_CERTS` on Node.js 22.15 and later.
 */
export function defaultRoots(): readonly string[] {
  return getCertificates()?.() ?? tls.rootCertificates;
}

/** Where Linux distributions and BSDs have the roots that the system trusts. */
const systemFiles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch, Gentoo, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Red Hat, Fedora
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Red Hat, Fedora 42 and later
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem', // Alpine, the BSDs, macOS
];

export interface SystemRootsOptions {
  /** `SSL_CERT_FILE` is read of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Files to search, in place of those of the known systems. */
  readonly files?: readonly string[];
}

/**
 * Returns the root certificates that the operating system trusts, PEM: those of the file
 * `SSL_CERT_FILE`; else those of Node.js 22.15 and later, or of the system's own file.
 * @returns undefined where there are none
 * @throws the error of reading `SSL_CERT_FILE`, where it is set
 */
export function systemRoots({
  environment,
  files,
}: SystemRootsOptions): readonly string[] | undefined {
  const named = environment['SSL_CERT_FILE'];
  if (named) return [readFileSync(named, 'utf8')];
  const known = files ? [] : (getCertificates()?.('system') ?? []);
  if (known.length > 0) return known;
  const bundle = (files ?? systemFiles)
    .map(textOrNothing)
    .find((text) => text.includes('-----BEGIN CERTIFICATE-----'));
  return bundle === undefined ? undefined : [bundle];
}

/**
 * Returns the root certificates of the file `NODE_EXTRA_CA_CERTS`, PEM, which Node.js before 22.15
 * does not tell by itself. A file that cannot be read has none, as for Node.js.
 */
export function extraRoots({
  environment,
}: Pick<SystemRootsOptions, 'environment'>): readonly string[] {
  const file = environment['NODE_EXTRA_CA_CERTS'];
  const text = file && !getCertificates() ? textOrNothing(file) : '';
  return text === '' ? [] : [text];
}

function textOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // this system has it elsewhere
  }
}
