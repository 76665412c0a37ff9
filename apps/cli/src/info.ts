import { readFile } from 'node:fs/promises';
import { type CertificateInfo, parseChain } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { CliError } from './errors.ts';
import { formatResult, type OutputFormat, plainFields } from './output.ts';
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
  const pem = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${file} cannot be read: ${fileErrorText(error)}`, {
      cause: error,
    });
  });
  const chain = parseChain(pem);
  const documents = chain.map(toDocument);
  const result = {
    text: chain.map((certificate, index) => toText(certificate, index, clock)).join('\n\n'),
    document: { file, certificates: documents },
    rows: documents.map(plainFields),
  };
  stdout.write(formatResult(result, output));
}

function toDocument({ identifiers, notBefore, notAfter, ...certificate }: CertificateInfo): object {
  const { subject, issuer, serialNumber, keyType, fingerprint, isCa, mustStaple } = certificate;
  return {
    subject,
    issuer,
    names: identifiers.map(({ value }) => value),
    serialNumber,
    notBefore: notBefore.toString(),
    notAfter: notAfter.toString(),
    keyType,
    fingerprint,
    isCa,
    mustStaple,
  };
}

function toText(certificate: CertificateInfo, index: number, clock: Clock): string {
  const { subject, identifiers, issuer, notBefore, notAfter } = certificate;
  const isLeaf = index === 0;
  const names = identifiers.map(({ value }) => printable(value, 255)).join(', ');
  const rows: readonly (readonly [string, string])[] = [
    [isLeaf ? 'certificate' : 'issuer', printable(subject || '(no subject)', 300)],
    ...(isLeaf ? ([['names', names || '(none)']] as const) : []),
    ['issued by', printable(issuer, 300)],
    ['valid', `${notBefore} to ${notAfter} (${validity(certificate, clock)})`],
    ['key', certificate.keyType],
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
