import { type CertificateInfo, certificatesPem, parseChain } from '@acmex/certificate';
import { purposeName } from '@acmex/certificate/structure';
import { type Clock, systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { CliError } from './errors.ts';
import { decoded, kindOf } from './file-kind.ts';
import { formatResult, type OutputFormat, plainFields } from './output.ts';
import { readBytes } from './read-text.ts';
import type { Terminal } from './terminal.ts';

export interface InfoOptions {
  readonly cert: string;
  readonly output: OutputFormat;
}

/** `acmex info`: shows the contents of a certificate file. */
export async function info(
  { cert: file, output }: InfoOptions,
  { stdout }: Terminal,
  clock: Clock = systemClock,
): Promise<void> {
  const content = decoded(await readBytes(file, 'the certificate'));
  const chain = certificatesIn(file, content);
  const documents = chain.map(toDocument);
  const result = {
    text: chain.map((certificate, index) => toText(certificate, index, clock)).join('\n\n'),
    document: { file, certificates: documents },
    rows: documents.map(plainFields),
  };
  stdout.write(formatResult(result, output));
}

/** @throws CliError `ERR_CLI_FILE`, which names what the file is */
function certificatesIn(file: string, content: string | Buffer): readonly CertificateInfo[] {
  try {
    return parseChain(typeof content === 'string' ? content : certificatesPem(content));
  } catch (error) {
    const kind = kindOf(content);
    if (kind === undefined || /BEGIN CERTIFICATE-/.test(content.toString())) throw error;
    throw new CliError(
      'ERR_CLI_FILE',
      `${file} is ${kind} and has no certificate to show: use a certificate or a chain, PEM or DER`,
      { cause: error },
    );
  }
}

function toDocument({ notBefore, notAfter, ...certificate }: CertificateInfo): object {
  const { subject, issuer, serialNumber, keyType, fingerprint, isCa, mustStaple } = certificate;
  return {
    subject,
    issuer,
    names: allNames(certificate),
    serialNumber,
    notBefore: notBefore.toString(),
    notAfter: notAfter.toString(),
    keyType,
    purposes: purposesOf(certificate),
    fingerprint,
    isCa,
    mustStaple,
  };
}

function allNames({
  identifiers,
  otherNames,
}: Pick<CertificateInfo, 'identifiers' | 'otherNames'>): readonly string[] {
  return [...identifiers.map(({ value }) => value), ...otherNames];
}

/** What the key may be used for; empty for anything. RFC 5280 §4.2.1.12 */
function purposesOf({
  extendedKeyUsage = [],
}: Pick<CertificateInfo, 'extendedKeyUsage'>): readonly string[] {
  return extendedKeyUsage.map(purposeName);
}

function toText(certificate: CertificateInfo, index: number, clock: Clock): string {
  const { subject, issuer, notBefore, notAfter } = certificate;
  const isLeaf = index === 0;
  const names = allNames(certificate)
    .map((name) => printable(name, 255))
    .join(', ');
  const rows: readonly (readonly [string, string])[] = [
    [isLeaf ? 'certificate' : 'issuer', printable(subject || '(no subject)', 300)],
    ...(isLeaf ? ([['names', names || '(none)']] as const) : []),
    ['issued by', printable(issuer || '(no issuer name)', 300)],
    ['valid', `${notBefore} to ${notAfter} (${validity(certificate, clock)})`],
    ['key', certificate.keyType],
    ...(isLeaf ? ([['purposes', purposesOf(certificate).join(', ') || 'any']] as const) : []),
    ['serial', certificate.serialNumber],
    ['SHA-256', certificate.fingerprint],
  ];
  return rows.map(([label, text]) => `${label.padEnd(12)} ${text}`).join('\n');
}

function validity({ notBefore, notAfter }: CertificateInfo, clock: Clock): string {
  const now = clock.now();
  const dayMs = 86_400_000;
  if (now.epochMilliseconds < notBefore.epochMilliseconds) return 'not valid yet';
  const leftMs = notAfter.epochMilliseconds - now.epochMilliseconds;
  if (leftMs < 0) return `expired ${Math.floor(-leftMs / dayMs)} days ago`;
  return leftMs < 2 * dayMs
    ? `${Math.floor(leftMs / 3_600_000)} hours left`
    : `${Math.floor(leftMs / dayMs)} days left`;
}
