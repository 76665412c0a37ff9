import type { IssuedCertificate } from '@acmex/certificate';
import { printable } from '@acmex/errors';
import { called, type CertificateAuthority } from '../certificate-authority.ts';

/** The certificate that `acmex obtain` has issued, and its files. */
export interface ObtainResult extends Pick<IssuedCertificate, 'leaf'> {
  readonly authority: CertificateAuthority;
  readonly certificate: string;
  /** Absent where the request came from elsewhere, and its key with it. */
  readonly privateKey?: string | undefined;
  /** Of the managed certificate; absent where nothing keeps it current. */
  readonly id?: string | undefined;
}

export function resultDocument({
  leaf,
  authority,
  certificate,
  privateKey,
  id,
}: ObtainResult): object {
  return {
    id,
    certificate,
    privateKey,
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

export function resultText({ leaf, authority, certificate, privateKey, id }: ObtainResult): string {
  return [
    `names        ${leaf.identifiers.map(({ value }) => value).join(', ')}`,
    `issuer       ${printable(leaf.issuer, 300)}`,
    `valid        ${leaf.notBefore} to ${leaf.notAfter}`,
    `certificate  ${certificate}`,
    ...(privateKey === undefined ? [] : [`private key  ${privateKey}`]),
    ...(id === undefined ? [] : [`kept as      ${id}; acmex renew, by a timer, keeps it current`]),
    `issued by ${called(authority)}`,
  ].join('\n');
}
