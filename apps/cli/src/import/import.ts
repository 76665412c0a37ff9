import { resolve } from 'node:path';
import { errorCode } from '@acmex/errors';
import { ImportError, readClientDirectory, readDeployedFiles } from '@acmex/import';
import {
  type DeclaredIssuer,
  deployRecord,
  keepIssuer,
  saveCredentials,
  serializeChallenge,
} from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { Adoption, CertificateSpec } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { withManager } from '../managed/with-manager.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { type PlacedAccount, placeAccount } from './accounts.ts';
import { authorityAt, directoryOf, type ImportAuthority } from './authorities.ts';
import { importedChallenge, type ImportedChallenge } from './challenge.ts';
import type { ImportAccount, ImportCertificate, ImportContents, SourceName } from './contents.ts';
import type { ImportOptions } from './options.ts';
import {
  type AccountOutcome,
  type CertificateOutcome,
  failureText,
  importResult,
  takenSettings,
} from './result.ts';

/** A part of the work was not done. */
const incomplete = 9;

/**
 * `acmex import`: manages the certificates of another ACME client, with its accounts. Nothing is
 * written to its directory.
 * @returns the exit code
 */
export async function importClient(
  client: SourceName,
  directory: string,
  options: ImportOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.undo) return await undo(directory, options, terminal);
  let hasFailed = false;
  await withManager(options, terminal, async (manager, report) => {
    const links = await linksContext(directory, { manager, options });
    await links?.continueTaking();
    const contents = await read(client, directory, { options, terminal });
    const imported = await importContents(contents, { manager, options, terminal });
    const outcome = links ? await links.taking(imported) : imported;
    for (const failure of [...outcome.accounts, ...outcome.certificates]) {
      const text = failureText(failure);
      if (text !== undefined) report.warn(text);
      hasFailed ||= text !== undefined;
    }
    if (links) await links.warnOfTimer(report);
    else warnOfClient(outcome.certificates, { client, options, report });
    return importResult({ client, directory: resolve(directory), options, ...outcome });
  });
  return hasFailed ? incomplete : 0;
}

async function undo(
  directory: string,
  options: ImportOptions,
  terminal: Terminal,
): Promise<number> {
  const { undoTakeOver } = await import('./certbot-take-over.ts');
  return (await undoTakeOver(directory, options, terminal)) ? 0 : incomplete;
}

/** What `--take-over` does besides the import; undefined without it. */
async function linksContext(
  directory: string,
  { manager, options }: Pick<ImportContext, 'manager' | 'options'>,
) {
  if (!options.takeOver) return undefined;
  const { withTakenLinks, warnOfTimer } = await import('./certbot-take-over.ts');
  const { continueTakeOvers } = await import('./take-over.ts');
  const context = { directory, manager, dryRun: options.dryRun ?? false };
  return {
    warnOfTimer,
    continueTaking: async () => await continueTakeOvers(context),
    taking: async ({ accounts, certificates }: ImportOutcome): Promise<ImportOutcome> => ({
      accounts,
      certificates: await withTakenLinks(certificates, context),
    }),
  };
}

async function read(
  client: SourceName,
  directory: string,
  { options, terminal }: { readonly options: ImportOptions; readonly terminal: Terminal },
): Promise<ImportContents> {
  if (client === 'deployed files') {
    const { certificates, ...contents } = await readDeployedFiles(directory);
    const { server } = options;
    const from = server === undefined ? {} : { ca: { directory: server } };
    const entries = certificates.map((certificate) => ({ ...certificate, ...from }));
    return { client, certificates: entries, ...contents };
  }
  if (client !== 'acmex') return await readClientDirectory(client, directory);
  const { readAcmex } = await import('./acmex.ts');
  return await readAcmex(directory, options, terminal);
}

/** What became of the accounts and certificates of a client. */
export interface ImportOutcome {
  readonly accounts: readonly AccountOutcome[];
  readonly certificates: readonly CertificateOutcome[];
}

/** Takes over what was read from the directory of a client. */
export async function importContents(
  contents: ImportContents,
  context: ImportContext,
): Promise<ImportOutcome> {
  const run = new ImportRun(contents, context);
  const accounts = await run.accounts();
  return { accounts, certificates: await run.certificates() };
}

/** Two clients that renew the same certificate compete for the rate limits of the CA. */
function warnOfClient(
  certificates: readonly CertificateOutcome[],
  {
    client,
    options,
    report,
  }: {
    readonly client: SourceName;
    readonly options: ImportOptions;
    readonly report: Pick<Reporter, 'warn'>;
  },
): void {
  const isManaged = certificates.some(({ result }) => result === 'added' || result === 'replaced');
  if (!isManaged || options.dryRun) return;
  report.warn(
    client === 'deployed files'
      ? 'the keys of accounts are not in deployed files; if another client still renews these certificates, stop its timer or cron job'
      : `${client} still renews these certificates: ${howToStop(client)}`,
  );
}

function howToStop(client: SourceName): string {
  if (client === 'acmex') return 'stop the AcmeX that uses the directory';
  return client === 'caddy'
    ? 'name the files of AcmeX in its Caddyfile, as in tls CERTIFICATE KEY'
    : 'stop its timer or cron job';
}

export interface ImportContext {
  readonly manager: ConfiguredManager;
  readonly options: ImportOptions;
  readonly terminal: Pick<Terminal, 'env' | 'signal'>;
}

/** One import. Each account and each certificate is one write: it can be repeated at any time. */
class ImportRun {
  readonly #contents: ImportContents;
  readonly #context: ImportContext;
  readonly #placed = new Map<string, PlacedAccount>();
  readonly #authorities = new Map<string, ImportAuthority>();

  constructor(contents: ImportContents, context: ImportContext) {
    this.#contents = contents;
    this.#context = context;
  }

  get #storage(): Storage {
    return this.#context.manager.storage;
  }

  async accounts(): Promise<readonly AccountOutcome[]> {
    const { accounts, failures, client } = this.#contents;
    const { options } = this.#context;
    const outcomes: AccountOutcome[] = failures
      .filter(({ subject }) => subject === 'account')
      .map(({ name, error }) => ({ name, result: 'failed', error }));
    const taken = new Set<string>();
    for (const account of this.#byUse(accounts)) {
      const directory = directoryOf(account.ca, options);
      if (directory === undefined) {
        outcomes.push({ name: account.id, result: 'failed', error: unknownCa(account.id) });
        continue;
      }
      const dryRun = options.dryRun ?? false;
      const authority = await this.#authority(directory);
      const places = { storage: this.#storage, dryRun, taken, client };
      const placed = await placeAccount(account, authority, places);
      this.#placed.set(account.id, placed);
      const { result } = placed;
      outcomes.push({ name: account.id, result, directory, account: account.url });
    }
    return outcomes;
  }

  /** The account of the most certificates first: it becomes the default account of its CA. */
  #byUse(accounts: readonly ImportAccount[]): readonly ImportAccount[] {
    const uses = ({ id }: ImportAccount) =>
      this.#contents.certificates.filter(({ account }) => account === id).length;
    return [...accounts].sort((a, b) => uses(b) - uses(a) || (a.id < b.id ? -1 : 1));
  }

  async certificates(): Promise<readonly CertificateOutcome[]> {
    const { certificates, failures } = this.#contents;
    const outcomes: CertificateOutcome[] = failures
      .filter(({ subject }) => subject === 'certificate')
      .map(({ name, error }) => ({ ...nothing, name, result: 'failed', error }));
    const newest = new Map<string, string>();
    const sorted = [...certificates].sort(
      (a, b) => Date.parse(b.notBefore) - Date.parse(a.notBefore) || (a.name < b.name ? -1 : 1),
    );
    for (const certificate of sorted) {
      const key = JSON.stringify([[...certificate.names].sort(), certificate.keyType]);
      const newer = newest.get(key);
      newest.set(key, newer ?? certificate.name);
      outcomes.push(
        newer === undefined ? await this.#certificate(certificate) : superseded(certificate, newer),
      );
    }
    return outcomes;
  }

  async #certificate(certificate: ImportCertificate): Promise<CertificateOutcome> {
    const { name, names, notAfter } = certificate;
    try {
      const { issuer, account } = await this.#issuerOf(certificate);
      const { options } = this.#context;
      const challenge = await importedChallenge(certificate, options, this.#storage);
      const adoption = await this.#adopt(certificate, { issuer, challenge });
      const isTaken = adoption.change === 'added' || adoption.change === 'replaced';
      return {
        name,
        names,
        result: adoption.change,
        reason: adoption.change === 'kept' ? keptReasons[adoption.reason] : undefined,
        id: adoption.certificate || undefined,
        taken: isTaken ? takenSettings(certificate, { issuer, account, challenge }) : [],
        omitted: isTaken ? this.#omitted(certificate, { account, challenge }) : [],
        notAfter,
      };
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined || code.startsWith('ERR_STORAGE')) throw error;
      return { ...nothing, name, names, result: 'failed', error };
    }
  }

  async #issuerOf({ name, ca, account: id, record }: ImportCertificate): Promise<{
    readonly issuer: DeclaredIssuer;
    readonly account: ImportAccount | undefined;
  }> {
    const placed = id === undefined ? undefined : this.#placed.get(id);
    if (placed) return placed;
    const directory = directoryOf(ca, this.#context.options);
    if (directory === undefined) throw unknownCa(name);
    const { hasDeviceKey: _, ...issuer } = await this.#authority(directory);
    return { issuer: { ...record?.issuer, ...issuer }, account: undefined };
  }

  async #authority(directory: string): Promise<ImportAuthority> {
    const known = this.#authorities.get(directory);
    if (known) return known;
    const { options, terminal } = this.#context;
    const context = { storage: this.#storage, terminal };
    const authority = await authorityAt(directory, options, context);
    this.#authorities.set(directory, authority);
    return authority;
  }

  /** Stores what a renewal needs first, and the certificate last. */
  async #adopt(
    certificate: ImportCertificate,
    {
      issuer,
      challenge,
    }: { readonly issuer: DeclaredIssuer; readonly challenge: ImportedChallenge },
  ): Promise<Adoption> {
    const { options, manager } = this.#context;
    const { provisioner } = manager;
    const { dryRun = false, replace } = options;
    const spec = specOf(certificate, { issuer: issuer.name ?? '', challenge });
    const { chain, privateKey, record } = certificate;
    const source = this.#contents.client;
    const obtained = { chain, privateKey, source, paused: record?.paused };
    const planned = await provisioner.adopt(spec, obtained, { replace, dryRun: true });
    if (dryRun || planned.change === 'unchanged' || planned.change === 'kept') return planned;
    await keepIssuer(this.#storage, issuer);
    if (Object.keys(challenge.credentials).length > 0)
      await saveCredentials(this.#storage, challenge.credentials);
    return await provisioner.adopt(spec, obtained, { replace });
  }

  #omitted(
    { omitted }: ImportCertificate,
    {
      account,
      challenge,
    }: { readonly account: ImportAccount | undefined; readonly challenge: ImportedChallenge },
  ): CertificateOutcome['omitted'] {
    return [
      ...omitted,
      ...challenge.omitted,
      ...(account
        ? []
        : [
            {
              setting: 'account',
              reason:
                'the directory has no usable account for it: renewals use the account at this CA in the storage, or acmex account register creates one',
            },
          ]),
    ];
  }
}

function specOf(
  certificate: ImportCertificate,
  { issuer, challenge }: { readonly issuer: string; readonly challenge: ImportedChallenge },
): CertificateSpec {
  const proof = serializeChallenge(challenge.challenge);
  if (certificate.record) return { ...certificate.record.spec, issuer, proof };
  const { names, keyType, reuseKey, mustStaple, preferredChain, deploy } = certificate;
  const { renewBeforeDays: days } = certificate;
  return {
    names,
    issuer,
    keyType,
    reuseKey,
    mustStaple,
    preferredChain,
    renewBefore: days === undefined ? undefined : `P${days}D`,
    proof,
    deploy: deploy.length > 0 ? deployRecord(deploy) : undefined,
  };
}

const nothing = { names: [], taken: [], omitted: [] };

const keptReasons: Readonly<Record<Extract<Adoption, { change: 'kept' }>['reason'], string>> = {
  older: 'the managed certificate with these names is newer',
  'not-wanted':
    'a managed certificate has these names, and this one is newer: use --replace to take it over',
  ordered:
    'an order of the managed certificate is under way: run the command again when it has ended',
};

function superseded(
  { name, names, notAfter }: ImportCertificate,
  newer: string,
): CertificateOutcome {
  const reason = `${newer} has the same names and key type, and is newer`;
  return { ...nothing, name, names, result: 'kept', reason, notAfter };
}

function unknownCa(name: string): ImportError {
  return new ImportError(
    'ERR_IMPORT_CA',
    `${name}: the directory does not say which CA this is: use --server with the URL of the CA's ACME directory`,
  );
}
