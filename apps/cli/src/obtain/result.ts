import type { IssuedCertificate } from '@acmex/certificate';
import { printable } from '@acmex/errors';
import { displayName, type CertificateAuthority } from '../certificate-authority.ts';

/** The certificate that was obtained, and its files. */
export interface ObtainResult extends Pick<IssuedCertificate, 'leaf'> {
  readonly authority: CertificateAuthority;
  readonly certificate: string;
  /** A file, or the reference of a key in a device; absent for a request from a file. */
  readonly privateKey?: string | undefined;
  /** The files of the second key; absent where there is none. */
  readonly second?: { readonly certificate: string; readonly privateKey: string } | undefined;
  readonly isInDevice: boolean;
  /** Absent for a certificate that is not managed. */
  readonly id?: string | undefined;
}

export function resultDocument({
  leaf,
  authority,
  certificate,
  privateKey,
  second,
  id,
}: ObtainResult): object {
  return {
    id,
    certificate,
    privateKey,
    second,
    ca: authority.title,
    directory: authority.directory,
    remark: authority.remark,
    names: leaf.identifiers.map(({ value }) => value),
    issuer: leaf.issuer,
    serialNumber: leaf.serialNumber,
    fingerprint: leaf.fingerprint,
    notBefore: leaf.notBefore.toString(),
    notAfter: leaf.notAfter.toString(),
  };
}

export function resultText(result: ObtainResult): string {
  const { leaf, authority, certificate, privateKey, second, id } = result;
  const place = result.isInDevice ? '; it stays there, and no file has it' : '';
  return [
    `names        ${leaf.identifiers.map(({ value }) => value).join(', ')}`,
    `issuer       ${printable(leaf.issuer, 300)}`,
    `valid        ${leaf.notBefore} to ${leaf.notAfter}`,
    `certificate  ${certificate}`,
    ...(privateKey === undefined ? [] : [`private key  ${privateKey}${place}`]),
    ...(second ? [`second       ${second.certificate}`, `private key  ${second.privateKey}`] : []),
    ...(id === undefined ? [] : [`managed as   ${id}; acmex renew, run by a timer, renews it`]),
    `issued by ${displayName(authority)}`,
  ].join('\n');
}
