import {
  type AuthorityKeyType,
  createIssuing,
  replaceIssuing as storeIssuing,
  storedCertificates,
} from '@acmex/ca';
import { parseCertificate } from '@acmex/certificate';
import { configuredCrypto } from '@acmex/manager/crypto';
import { type ConfiguredOutputOptions, formatResult } from '../output.ts';
import { reporter, type Terminal } from '../terminal.ts';
import { readCaKey } from './ca-key.ts';
import { openCaStorage } from './ca-storage.ts';

export interface ReplaceIssuingOptions extends ConfiguredOutputOptions {
  /** A file, or the reference of a key in a device. */
  readonly rootKey: string;
  /** The reference of an existing key in a device for the new certificate. */
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly keyType: AuthorityKeyType;
  readonly issuingDays: number;
}

/** `acmex ca replace-issuing`: replaces the issuing certificate; the earlier one signs its CRL. */
export async function replaceIssuing(
  { rootKey, key: reference, keyType, issuingDays, ...options }: ReplaceIssuingOptions,
  terminal: Terminal,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const backend = configuredCrypto(options.configuration, terminal.env);
    const key = await readCaKey(rootKey, { ...options, what: "the root's key" }, terminal);
    await using storage = await openCaStorage(options, terminal, report);
    const { root, issuing } = await storedCertificates(storage);
    report.working('creating the key');
    const next = await createIssuing({
      root,
      issuing,
      rootKey: key,
      backend,
      issuingKey:
        reference === undefined ? undefined : await backend.import(Buffer.from(reference)),
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
      `${subject} issues until ${notAfter}: a running acmex ca serve uses it from now on`,
      'earlier certificates stay valid, with their own CRL, and their renewals are issued by it',
    ].join('\n');
    const document = { subject, notAfter: notAfter.toString() };
    terminal.stdout.write(formatResult({ text, document }, options.output));
  } finally {
    report.close();
  }
}
