import type { CertificateInfo } from '@acmex/certificate';
import {
  type LogList,
  readLogList,
  type SctFault,
  type SctSource,
  type SctVerification,
  verifyScts,
} from '@acmex/certificate/certificate-transparency';
import { readCertificateFields, signatureFault } from '@acmex/certificate/structure';
import type { Clock } from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import { ocspSctExtension } from '@acmex/revocation';
import { CliError } from '../errors.ts';
import { readText } from '../read-text.ts';
import type { Subject } from './subject.ts';

/**
 * Reads the files of `--ct-logs`.
 * @throws CliError `ERR_CLI_FILE`
 */
export async function readLogLists(paths: readonly string[]): Promise<readonly LogList[]> {
  return await Promise.all(
    paths.map(async (path) => {
      const text = await readText(path, 'the list of logs');
      try {
        return readLogList(text);
      } catch (error) {
        if (errorCode(error) !== 'ERR_CERTIFICATE_LOG_LIST') throw error;
        throw new CliError('ERR_CLI_FILE', `${printable(path, 300)}: ${errorText(error)}`, {
          cause: error,
        });
      }
    }),
  );
}

/**
 * Verifies the SCTs in the leaf, and those in the OCSP response that a server stapled. Those of the
 * TLS extension are not there: Node.js does not request them.
 */
export function verifySubject(
  { chain, served }: Subject,
  { logs, clock }: { readonly logs: readonly LogList[]; readonly clock: Clock },
): readonly SctVerification[] {
  const [leaf] = chain;
  if (!leaf) return [];
  const issuer = issuerOf(leaf, chain)?.der;
  const response = issuer && served?.ocspResponse;
  return verifyScts(leaf.der, {
    issuer,
    logs,
    at: clock.now(),
    ocsp: response && ocspSctExtension(response, leaf.der, issuer),
  });
}

/** Returns the certificate that has signed the leaf. */
function issuerOf(
  leaf: CertificateInfo,
  chain: readonly CertificateInfo[],
): CertificateInfo | undefined {
  const fields = readCertificateFields(leaf.der);
  return chain.find(
    ({ subject, der }) =>
      subject === leaf.issuer && signatureFault(fields, readCertificateFields(der)) === undefined,
  );
}

/** How many SCTs are shown as lines; public certificates have two to four. */
const lineLimit = 10;

/** Returns what a person reads, a line for each SCT. */
export function sctTexts(scts: readonly SctVerification[]): readonly string[] {
  const hidden = scts.slice(lineLimit);
  const validCount = hidden.filter(isValid).length;
  return [
    ...scts.slice(0, lineLimit).map(sctText),
    ...(hidden.length > 0
      ? [
          `and ${hidden.length} more: ${validCount} valid, ${hidden.length - validCount} not verified; --json has all`,
        ]
      : []),
  ];
}

const sourceTexts: Readonly<Record<SctSource, string>> = {
  certificate: '',
  ocsp: ' in the OCSP response',
  tls: ' in the handshake',
};

/** What a user of `acmex info` can do. */
const cures: Partial<Readonly<Record<SctFault, string>>> = {
  'no-log-list': ': use --ct-logs',
  'no-issuer': ': use a file with the whole chain',
};

function sctText(verification: SctVerification): string {
  const { source, sct, log, fault, reason } = verification;
  const name = sct ? printable(log?.description ?? `log ${sct.logId}`, 100) : 'an entry';
  const time = sct ? `, ${sct.timestamp}` : '';
  const cure = (fault && cures[fault]) ?? '';
  const result = isValid(verification) ? 'valid' : `not verified: ${printable(reason, 300)}${cure}`;
  return `${name}${time}${sourceTexts[source]}: ${result}`;
}

/** Returns what a program reads of an SCT. */
export function sctDocument(verification: SctVerification) {
  const { source, sct, log, fault, reason } = verification;
  return {
    source,
    ...(sct && { logId: sct.logId, timestamp: sct.timestamp.toString() }),
    ...(log && { log: log.description, operator: log.operator }),
    ...(isValid(verification)
      ? { status: 'valid' }
      : { status: 'not-verified', fault, reason: printable(reason, 300) }),
  };
}

function isValid({ fault }: SctVerification): boolean {
  return fault === undefined;
}

/** Returns the exit code of `--ct-logs`: 4 where no SCT is valid. */
export function exitCodeOfScts(scts: readonly SctVerification[]): number {
  return scts.some(isValid) ? 0 : 4;
}
