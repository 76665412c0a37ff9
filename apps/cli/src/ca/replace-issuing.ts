import {
  type AuthorityKeyType,
  createIssuing,
  replaceIssuing as storeIssuing,
  storedCertificates,
} from '@acmex/ca';
import { parseCertificate } from '@acmex/certificate';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult } from '../output.ts';
import { readText } from '../read-text.ts';
import { reporter, type Terminal } from '../terminal.ts';
import { passphraseOf } from './passphrase.ts';

export interface ReplaceIssuingOptions extends ConfiguredOutputOptions {
  readonly rootKey: string;
  readonly passphraseFile?: string;
  readonly keyType: AuthorityKeyType;
  readonly issuingDays: number;
}

/** `acmex ca replace-issuing`: replaces the issuing certificate; the earlier one signs its CRL. */
export async function replaceIssuing(
  { rootKey, keyType, issuingDays, ...options }: ReplaceIssuingOptions,
  terminal: Terminal,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const passphrase = await passphraseOf(options, terminal.env);
    const key = Buffer.from(await readText(rootKey, "the root's key"));
    await using storage = await openStorage(options, terminal, report);
    const { root, issuing } = await storedCertificates(storage);
    report.working('creating the key');
    const next = await createIssuing({
      root,
      issuing,
      rootKey: key,
      passphrase,
      keyType,
      issuingDays,
    });
    try {
      await storeIssuing(storage, next);
    } finally {
      next.issuingKey.fill(0);
      key.fill(0);
    }
    const { subject, notAfter } = parseCertificate(next.issuing);
    report.close();
    const text = [
      `${subject} issues until ${notAfter}: restart acmex ca serve`,
      'earlier certificates stay valid, with their own CRL, and their renewals are issued by it',
    ].join('\n');
    const document = { subject, notAfter: notAfter.toString() };
    terminal.stdout.write(formatResult({ text, document }, options.output));
  } finally {
    report.close();
  }
}
