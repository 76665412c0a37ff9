import {
  createExternalAccount,
  type ExternalAccountInfo,
  type IssuedInfo,
  listExternalAccounts,
  listIssued,
  moveRenewalWindow,
  restoreRenewalWindow,
  revokeExternalAccount,
  revokeIssued,
} from '@acmex/ca';
import { systemClock, timestamp } from '@acmex/clock';
import { printable } from '@acmex/errors';
import type { RevocationReason } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { CliError } from '../errors.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { type ConfiguredOutputOptions, formatResult, type Result } from '../output.ts';
import { openCaStorage } from './ca-storage.ts';

/** Opens the CA's storage for one command, and writes its result. */
export async function withCa(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
  work: (storage: Storage, report: Reporter) => Promise<Result>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    await using storage = await openCaStorage(options, terminal, report);
    const result = await work(storage, report);
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

/** `acmex ca eab create`: shows the key, which cannot be shown again. */
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

/** `acmex ca eab list`: lists the external accounts, without their keys. */
export async function eabList(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    const all: ExternalAccountInfo[] = [];
    for await (const account of listExternalAccounts(storage)) all.push(account);
    const line = (account: ExternalAccountInfo) =>
      [account.kid, account.createdAt, stateOf(account), printable(account.description, 100)]
        .join('  ')
        .trimEnd();
    return { text: all.map(line).join('\n'), document: all };
  });
}

function stateOf({ revokedAt, account }: ExternalAccountInfo): string {
  if (revokedAt) return 'revoked';
  return account ? 'bound' : 'unused';
}

/** `acmex ca eab revoke KID`: rejects further ACME accounts. */
export async function eabRevoke(
  kid: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    await revokeExternalAccount(storage, kid);
    return { text: `${kid} rejects further ACME accounts`, document: { kid } };
  });
}

/** `acmex ca list`: lists the issued certificates, oldest first. */
export async function list(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    const all: IssuedInfo[] = [];
    for await (const certificate of listIssued(storage)) all.push(certificate);
    all.sort((a, b) => (a.issuedAt < b.issuedAt ? -1 : 1));
    const line = (certificate: IssuedInfo) => {
      const names = certificate.identifiers.map(({ value }) => printable(value, 255)).join(', ');
      const { serialNumber, notAfter } = certificate;
      return `${serialNumber}  ${notAfter}  ${validityOf(certificate).padEnd(7)}  ${names}`;
    };
    return { text: all.map(line).join('\n'), document: all };
  });
}

function validityOf({ notAfter, revoked }: IssuedInfo): string {
  if (revoked) return 'revoked';
  return notAfter < timestamp(systemClock.now()) ? 'expired' : 'valid';
}

/** `acmex ca revoke SERIAL`: revokes a certificate. */
export async function revoke(
  serial: string,
  { reason, ...options }: ConfiguredOutputOptions & { readonly reason: RevocationReason },
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    await revokeIssued(storage, serial, { reason });
    return {
      text: `${serial} is revoked: the next CRL contains it`,
      document: { serialNumber: serial, reason },
    };
  });
}

interface WindowOptions extends ConfiguredOutputOptions {
  readonly start?: string;
  readonly end?: string;
  readonly serial?: string;
  readonly explanation?: string;
  readonly restore?: boolean;
}

/** `acmex ca renewal-window`: moves the renewal windows, or restores them. */
export async function renewalWindow(
  { start, end, serial, explanation, restore, ...options }: WindowOptions,
  terminal: Terminal,
): Promise<void> {
  const serialNumber = serial?.toLowerCase().replaceAll(':', '');
  const which = serialNumber === undefined ? {} : { serialNumber };
  const subject = serialNumber ?? 'all certificates that exist now';
  const hasTimes = start !== undefined || end !== undefined || explanation !== undefined;
  if (restore === hasTimes || (!restore && (start === undefined || end === undefined)))
    throw new CliError(
      'ERR_CLI_USAGE',
      'a renewal window needs its times: use --start and --end; or --restore alone',
    );
  if (explanation !== undefined && !/^https?:\/\//.test(explanation))
    throw new CliError(
      'ERR_CLI_USAGE',
      '--explanation is not a valid URL: use the address of a page, as https://ca.example/incident',
    );
  await withCa(options, terminal, async (storage) => {
    if (start === undefined || end === undefined) {
      await restoreRenewalWindow(storage, which);
      return {
        text: `${subject}: the usual renewal window applies`,
        document: { serialNumber: serialNumber ?? null, start: null, end: null },
      };
    }
    await moveRenewalWindow(storage, {
      ...which,
      start,
      end,
      ...(explanation === undefined ? {} : { explanationUrl: explanation }),
    });
    return {
      text: `${subject}: renew between ${start} and ${end}; clients read this within six hours`,
      document: { serialNumber: serialNumber ?? null, start, end },
    };
  });
}
