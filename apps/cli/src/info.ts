import { readFile } from 'node:fs/promises';
import { type CertificateInfo, parseChain } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { printable } from '@acmex/protocol';
import { CliError } from './errors.ts';
import { formatResult, type OutputFormat, plainFields } from './output.ts';
import type { Terminal } from './terminal.ts';
import { reason } from './whole-file.ts';

export interface InfoOptions {
  readonly cert: string;
  readonly output: OutputFormat;
}

/** `acmex info`: what stands in a certificate file. */
export async function info(
  { cert, output }: InfoOptions,
  { stdout }: Terminal,
  clock: Clock = systemClock,
): Promise<void> {
  const text = await readFile(cert, 'utf8').catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${cert} cannot be read: ${reason(error)}`, {
      cause: error,
    });
  });
  const chain = parseChain(text);
  stdout.write(
    formatResult(
      {
        text: chain.map((one, index) => describe(one, index, clock)).join('\n\n'),
        document: { file: cert, certificates: chain.map(fields) },
        rows: chain.map((certificate) => plainFields(fields(certificate))),
      },
      output,
    ),
  );
}

function fields({
  subject,
  issuer,
  identifiers,
  serialNumber,
  notBefore,
  notAfter,
  keyType,
  fingerprint,
  isCa,
  mustStaple,
}: CertificateInfo): object {
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

function describe(one: CertificateInfo, index: number, clock: Clock): string {
  const rows: readonly (readonly [string, string])[] = [
    [index === 0 ? 'certificate' : 'issuer', printable(one.subject || '(no subject)', 300)],
    ['names', one.identifiers.map(({ value }) => printable(value, 255)).join(', ') || '(none)'],
    ['issued by', printable(one.issuer, 300)],
    ['valid', `${one.notBefore} to ${one.notAfter} (${validity(one, clock)})`],
    ['key', one.keyType],
    ['serial', one.serialNumber],
    ['SHA-256', one.fingerprint],
  ];
  return rows
    .filter(([label]) => index === 0 || label !== 'names')
    .map(([label, text]) => `${label.padEnd(12)} ${text}`)
    .join('\n');
}

function validity({ notBefore, notAfter }: CertificateInfo, clock: Clock): string {
  const now = clock.now();
  const day = 86_400_000;
  if (now.epochMilliseconds < notBefore.epochMilliseconds) return 'not valid yet';
  const left = notAfter.epochMilliseconds - now.epochMilliseconds;
  if (left < 0) return `expired ${Math.floor(-left / day)} days ago`;
  return left < 2 * day
    ? `${Math.floor(left / 3_600_000)} hours left`
    : `${Math.floor(left / day)} days left`;
}
