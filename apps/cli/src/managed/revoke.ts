import { parseChain } from '@acmex/certificate';
import { errorCode, errorText, printable } from '@acmex/errors';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import {
  chainsInUse,
  type ManagedCertificate,
  type RevocationSigner,
  storedGenerations,
} from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { findCertificate, printableNames } from './certificates.ts';
import { type Renewal, renewAll } from './renew.ts';
import type { RevokeFileOptions } from './revoke-file.ts';
import { withManager } from './with-manager.ts';

/** The flags of `acmex cert revoke`. */
export interface RevokeOptions extends ConfiguredOutputOptions, Omit<RevokeFileOptions, 'cert'> {
  /** A file, whose certificate need not be in the storage. */
  readonly cert?: string | undefined;
  /** Hexadecimal. */
  readonly serial?: string | undefined;
  /** All certificates of an issuer. */
  readonly issuer?: string | undefined;
  /** All certificates with a label: `team=web`. */
  readonly label?: string | undefined;
  /** How many certificates a person expects. */
  readonly confirm?: number | undefined;
  readonly replace?: boolean | undefined;
  /** Whose key signs: see `RevokeOptions` of @acmex/orchestrator. */
  readonly signer?: RevocationSigner | undefined;
}

/** A certificate of a managed one, which is the one in use or an earlier one. */
interface Target {
  readonly certificate: ManagedCertificate;
  readonly generation: number;
  readonly serialNumber: string;
}

interface Revocation {
  readonly target: Target;
  readonly result: 'revoked' | 'would be revoked' | 'not replaced' | 'failed';
  /** Whose key signs, where it is known. */
  readonly signer?: 'account' | 'certificate' | undefined;
  readonly error?: unknown;
}

/**
 * `acmex cert revoke`: revokes certificates that are managed. With `replace` each gets a new one
 * first, which is stored and deployed. With `drill` everything is done except the revocation.
 * @returns the exit code
 */
export async function certRevoke(
  which: string,
  options: RevokeOptions,
  terminal: Terminal,
): Promise<number> {
  assertOneSelector(which, options);
  const { cert } = options;
  if (cert !== undefined) {
    const { revokeFile } = await import('./revoke-file.ts');
    await revokeFile({ ...options, cert }, terminal);
    return 0;
  }
  let exitCode = 0;
  await withManager(options, terminal, async (manager, report) => {
    const { signal } = terminal;
    const targets = await targetsOf(which, options, { manager, signal });
    assertConfirmed(targets, options);
    const run = { manager, options, report, signal };
    const revocations = await revokeAll(targets, run);
    exitCode = exitCodeOfRevocations(revocations);
    const rows = revocations.map(rowOf);
    return {
      text: [table(rows), ...remarks(revocations, options)].join('\n'),
      document: rows,
      rows,
    };
  });
  return exitCode;
}

/** Flags that the storage leaves no room for: it has the CA, the account and the key. */
const fileFlags = {
  ...{ key: '--key', passphraseFile: '--passphrase-file', prove: '--prove', yes: '--yes' },
  ...{ prod: '--prod', ca: '--ca', server: '--server', caCertificate: '--ca-certificate' },
  ...{ email: '--email', acceptTos: '--accept-tos' },
  ...{ eabKid: '--eab-kid', eabHmacKey: '--eab-hmac-key' },
} as const satisfies Readonly<Partial<Record<keyof RevokeOptions, string>>>;

/** @throws CliError `ERR_CLI_USAGE` */
function assertOneSelector(which: string, options: RevokeOptions): void {
  const { serial, issuer, label, cert } = options;
  const selectors = [which || undefined, serial, issuer, label, cert];
  if (selectors.filter((selector) => selector !== undefined).length !== 1)
    throw new CliError(
      'ERR_CLI_USAGE',
      'say which certificates to revoke in one way: an id or a name, --serial, --issuer, --label, or --cert',
    );
  const flags = Object.keys(fileFlags) as (keyof typeof fileFlags)[];
  const misplaced = flags.find((flag) => options[flag] !== undefined);
  if (cert !== undefined || misplaced === undefined) return;
  throw new CliError(
    'ERR_CLI_USAGE',
    `${fileFlags[misplaced]} is for a certificate of a file: add --cert, or leave it out${misplaced === 'key' ? ', and use --signer certificate where the key is stored' : ''}`,
  );
}

interface RevokeContext {
  readonly manager: ConfiguredManager;
  readonly signal: AbortSignal;
}

async function targetsOf(
  which: string,
  { serial, issuer, label }: RevokeOptions,
  { manager, signal }: RevokeContext,
): Promise<readonly Target[]> {
  if (which !== '') return [inUse(await findCertificate(manager, which))];
  if (serial !== undefined) return [await bySerial(serial, { manager, signal })];
  const [labelName = '', labelValue = ''] = (label ?? '').split('=', 2);
  const targets: Target[] = [];
  for await (const certificate of manager.provisioner.certificates.list({ signal })) {
    const { current, labels = {} } = certificate;
    const isChosen =
      issuer === undefined ? labels[labelName] === labelValue : certificate.issuer === issuer;
    if (isChosen && current && current.revokedAt === undefined) targets.push(inUse(certificate));
  }
  return targets;
}

function inUse(certificate: ManagedCertificate): Target {
  const { generation = 0, serialNumber = '' } = certificate.current ?? {};
  return { certificate, generation, serialNumber };
}

/** @throws CliError `ERR_CLI_USAGE` where no stored certificate has the serial number */
async function bySerial(serial: string, { manager, signal }: RevokeContext): Promise<Target> {
  const wanted = serial.replaceAll(':', '').toLowerCase();
  const { certificates } = manager.provisioner;
  for await (const certificate of certificates.list({ signal })) {
    const newest = certificate.current?.generation ?? 0;
    for (let number = newest; number > Math.max(0, newest - storedGenerations); number -= 1) {
      const content = await certificates.generation(certificate.id, number);
      for (const { chain } of content ? chainsInUse(content) : []) {
        const [leaf] = parseChain(chain);
        if (leaf?.serialNumber.toLowerCase() === wanted)
          return { certificate, generation: number, serialNumber: leaf.serialNumber };
      }
    }
  }
  throw new CliError(
    'ERR_CLI_USAGE',
    `no stored certificate has the serial number ${printable(serial, 100)}: see acmex cert list --json`,
  );
}

/** @throws CliError `ERR_CLI_USAGE` unless the count is confirmed, where there may be several */
function assertConfirmed(
  targets: readonly Target[],
  { issuer, label, confirm, drill }: RevokeOptions,
): void {
  const isBulk = issuer !== undefined || label !== undefined;
  if (isBulk && targets.length === 0)
    throw new CliError(
      'ERR_CLI_USAGE',
      'no certificate in use that is not revoked yet is chosen: see acmex cert list --json for issuers and labels',
    );
  if (!isBulk || drill || confirm === targets.length) return;
  throw new CliError(
    'ERR_CLI_USAGE',
    `${targets.length} certificates would be revoked, and ${confirm === undefined ? 'the count is not confirmed' : `not ${confirm}`}: look at them with --drill, then use --confirm ${targets.length}`,
  );
}

interface RevokeRun extends RevokeContext {
  readonly options: RevokeOptions;
  readonly report: Reporter;
}

/** The failure of one does not stop the others. */
async function revokeAll(
  targets: readonly Target[],
  run: RevokeRun,
): Promise<readonly Revocation[]> {
  const unreplaced = run.options.replace ? await replaceAll(targets, run) : new Map();
  const revocations: Revocation[] = [];
  for (const target of targets) {
    const error: unknown = unreplaced.get(target.certificate.id);
    revocations.push(
      error === undefined
        ? await revokeOne(target, run)
        : { target, result: 'not replaced', error },
    );
  }
  return revocations;
}

async function revokeOne(
  { certificate, generation, ...target }: Target,
  { manager: { provisioner }, options: { reason, signer, drill }, report, signal }: RevokeRun,
): Promise<Revocation> {
  const whole = { certificate, generation, ...target };
  try {
    const revocation = { reason, generation, signer, signal };
    if (drill) {
      const wouldSign = await provisioner.drillRevocation(certificate.id, revocation);
      return { target: whole, result: 'would be revoked', signer: wouldSign };
    }
    await provisioner.revoke(certificate.id, revocation);
    return { target: whole, result: 'revoked', signer };
  } catch (error) {
    if (signal.aborted || errorCode(error) === undefined) throw error;
    report.warn(`${certificate.id}: ${errorText(error)}`);
    return { target: whole, result: 'failed', error };
  }
}

/**
 * Orders a new certificate for each, and deploys it.
 * @returns why, by id, where there is no new one in use
 */
async function replaceAll(
  targets: readonly Target[],
  { manager, options, report, signal }: RevokeRun,
): Promise<ReadonlyMap<string, unknown>> {
  const unreplaced = new Map<string, unknown>();
  const ids: string[] = [];
  for (const { certificate } of targets) {
    if (options.reason === 'keyCompromise' && certificate.reuseKey)
      unreplaced.set(certificate.id, reusedKey(certificate));
    else ids.push(certificate.id);
  }
  const renewals = await renewAll(each(ids), {
    options: { ...options, force: true, all: true, concurrency: 5 },
    ...{ manager, report, signal, trial: undefined, countOrder: () => undefined },
  });
  for (const renewal of renewals)
    if (renewal.result !== 'renewed')
      unreplaced.set(renewal.certificate, renewal.error ?? notReplaced(renewal));
  for (const [id, error] of unreplaced)
    report.warn(`${id} is not revoked, since it is not replaced: ${errorText(error)}`);
  return unreplaced;
}

async function* each(ids: readonly string[]): AsyncGenerator<string> {
  yield* ids;
}

function reusedKey({ id }: ManagedCertificate): CliError {
  return new CliError(
    'ERR_CLI_USAGE',
    `${id} keeps its key when it is renewed, and the key is compromised: revoke it without --replace, and the next order makes a new key`,
  );
}

function notReplaced({ result }: Renewal): CliError {
  return new CliError(
    'ERR_CLI_INCOMPLETE',
    `the order for the new certificate has ended: ${result}`,
  );
}

function rowOf({ target, result, signer, error }: Revocation): Row {
  const { certificate, serialNumber } = target;
  return {
    certificate: certificate.id,
    serial: serialNumber,
    result,
    signer,
    names: printableNames(certificate),
    error: errorCode(error),
  };
}

function remarks(
  revocations: readonly Revocation[],
  { drill, replace }: RevokeOptions,
): readonly string[] {
  if (drill) return ['nothing was revoked: --drill'];
  const [first] = revocations.filter(({ result }) => result === 'revoked');
  if (!first || replace) return [];
  const { id } = first.target.certificate;
  return [
    `order a new one with acmex renew -d ${id} --force, or remove it with acmex cert remove ${id}`,
  ];
}

function exitCodeOfRevocations(revocations: readonly Revocation[]): number {
  const codes = new Set(
    revocations.map(({ error }) => (error === undefined ? 0 : exitCodeOf(error))),
  );
  const [code = 0] = codes;
  return codes.size > 1 ? 9 : code;
}
