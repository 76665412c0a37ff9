import {
  createExternalAccount,
  currentCrl,
  type ExternalAccountInfo,
  type IssuedInfo,
  listExternalAccounts,
  listIssued,
  loadAuthority,
  revokeExternalAccount,
  revokeIssued,
} from '@acmex/ca';
import { systemClock } from '@acmex/clock';
import { printable, type RevocationReason } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { openStorage } from '../open-storage.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { type ConfiguredOutputOptions, formatResult, type Result } from '../output.ts';

/** Opens the CA's storage for one command, and writes what came of it. */
async function withCa(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
  work: (storage: Storage, report: Reporter) => Promise<Result>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    await using storage = await openStorage(options, terminal, report);
    const result = await work(storage, report);
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

/** `acmex ca eab create`: the key is shown now and never again. */
export async function eabCreate(
  {
    description,
    reusable,
    ...options
  }: ConfiguredOutputOptions & { readonly description?: string; readonly reusable?: boolean },
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    const account = await createExternalAccount(storage, {
      ...(description === undefined ? {} : { description }),
      reusable: reusable ? 'reusable' : 'once',
    });
    return {
      text: `--eab-kid ${account.kid}\n--eab-hmac-key ${account.hmacKey}`,
      document: account,
    };
  });
}

/** `acmex ca eab list` */
export async function eabList(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    const all: ExternalAccountInfo[] = [];
    for await (const one of listExternalAccounts(storage)) all.push(one);
    return {
      text: all
        .map(({ kid, createdAt, revokedAt, account, description }) =>
          `${kid}  ${createdAt}  ${revokedAt ? 'revoked' : account ? 'bound' : 'unused'}  ${printable(description, 100)}`.trimEnd(),
        )
        .join('\n'),
      document: all,
    };
  });
}

/** `acmex ca eab revoke KID` */
export async function eabRevoke(
  kid: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    await revokeExternalAccount(storage, kid);
    return { text: `${kid} binds no further accounts`, document: { kid } };
  });
}

/** `acmex ca list` */
export async function list(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    const all: IssuedInfo[] = [];
    for await (const one of listIssued(storage)) all.push(one);
    all.sort((a, b) => (a.issuedAt < b.issuedAt ? -1 : 1));
    const line = ({ serialNumber, notAfter, revoked, identifiers }: IssuedInfo) =>
      `${serialNumber}  ${notAfter}  ${revoked ? 'revoked' : notAfter < systemClock.now().toString() ? 'expired' : 'valid  '}  ${identifiers.map(({ value }) => printable(value, 255)).join(', ')}`;
    return { text: all.map(line).join('\n'), document: all };
  });
}

/** `acmex ca revoke SERIAL` */
export async function revoke(
  serial: string,
  { reason, ...options }: ConfiguredOutputOptions & { readonly reason: RevocationReason },
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    await revokeIssued(storage, serial, { reason });
    return {
      text: `${serial} is revoked: the next CRL has it`,
      document: { serialNumber: serial, reason },
    };
  });
}

/** `acmex ca crl FILE`: DER. */
export async function crl(
  path: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage, report) => {
    const { issuer } = await loadAuthority(storage, { kind: 'private' });
    const { der, nextUpdate } = await currentCrl(
      {
        storage,
        issuer,
        clock: systemClock,
        lifetimes: { crl: Temporal.Duration.from({ hours: 7 * 24 }) },
      },
      { onError: (error) => report.warn(`the list could not be made anew: ${String(error)}`) },
    );
    await using file = await waitingFile(path, 0o644);
    await file.commit(der);
    return {
      text: `${path} is valid until ${nextUpdate}`,
      document: { file: path, nextUpdate: nextUpdate.toString() },
    };
  });
}
