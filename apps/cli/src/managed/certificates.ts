import { resolve } from 'node:path';
import { type KeyType, storedPem } from '@acmex/certificate';
import { type BundleFormat, bundleFormats } from '@acmex/certificate/formats';
import { systemClock } from '@acmex/clock';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import {
  chooseChain,
  chooseKey,
  expiryOf,
  issuersInOrder,
  type Generation,
  type ManagedCertificate,
  isWaiting,
  presentIssuer,
  stateOf,
  type StoredRefusal,
} from '@acmex/orchestrator';
import { errorCode, errorText, printable } from '@acmex/errors';
import { CliError } from '../errors.ts';
import { writeFormat } from '../formats/export-file.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { withManager } from './with-manager.ts';

export function printableNames({ names }: Pick<ManagedCertificate, 'names'>): string {
  return names.map((name) => printable(name, 255)).join(' ');
}

function rowOf(certificate: ManagedCertificate): Row {
  return {
    id: certificate.id,
    state: stateOf(certificate, systemClock),
    expires: certificate.current && expiryOf(certificate.current),
    renews: certificate.renewal?.at,
    issuer: certificate.issuer,
    names: printableNames(certificate),
  };
}

function toDocument(certificate: ManagedCertificate): object {
  return { ...certificate, state: stateOf(certificate, systemClock) };
}

/**
 * Finds the certificate with an id, or with a name that only one certificate has.
 * @throws CliError `ERR_CLI_USAGE`
 */
export async function findCertificate(
  { provisioner: { certificates } }: ConfiguredManager,
  idOrName: string,
): Promise<ManagedCertificate> {
  if (/^crt_/.test(idOrName)) return await certificates.get(idOrName);
  const candidates: ManagedCertificate[] = [];
  for await (const certificate of certificates.byName(idOrName)) candidates.push(certificate);
  const [certificate] = candidates;
  const name = printable(idOrName, 255);
  if (!certificate)
    throw new CliError(
      'ERR_CLI_USAGE',
      `no managed certificate has the name ${name}: see acmex cert list`,
    );
  if (candidates.length > 1)
    throw new CliError(
      'ERR_CLI_USAGE',
      `${candidates.length} managed certificates have the name ${name}: use an id, ${candidates.map(({ id }) => id).join(' or ')}`,
    );
  return certificate;
}

/** `acmex cert list`: lists the managed certificates. */
export async function certList(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }, report) => {
    const certificates: ManagedCertificate[] = [];
    for await (const certificate of provisioner.certificates.list({
      signal: terminal.signal,
      onCorrupt: ({ message }) => report.warn(message),
    }))
      certificates.push(certificate);
    const rows = certificates.map(rowOf);
    if (rows.length === 0)
      report.done('this storage has no managed certificate: add one with acmex obtain');
    return { text: table(rows), document: certificates.map(toDocument), rows };
  });
}

/** `acmex cert show`: shows a certificate, its next renewal and its failures. */
export async function certShow(
  idOrName: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (manager) => {
    const certificate = await findCertificate(manager, idOrName);
    const refused = await manager.provisioner.certificates.refused(certificate.id);
    return {
      text: [
        ...stateLines(certificate),
        ...deploymentLines(certificate),
        ...refused.map(refusedLine),
      ]
        .filter(([, value]) => value !== undefined)
        .map(([label, value]) => `${label.padEnd(10)} ${value}`)
        .join('\n'),
      document: { ...toDocument(certificate), refused: refused.map(withoutKey) },
      rows: [rowOf(certificate)],
    };
  });
}

function withoutKey(refused: StoredRefusal): object {
  return { ...refused, privateKey: undefined };
}

/** A certificate that was issued and is not used. */
function refusedLine({ id, at, code, message }: StoredRefusal): Line {
  return ['refused', `${id}, issued ${at}: ${printable(message, 2000)} [${code}]`];
}

type Line = readonly [label: string, value: string | undefined];

function stateLines(certificate: ManagedCertificate): readonly Line[] {
  const { id, keyType, secondKeyType, key, order, current, renewal, failure } = certificate;
  const second = current?.second;
  return [
    ['id', id],
    ['names', printableNames(certificate)],
    ['state', stateOf(certificate, systemClock)],
    ['retired', certificate.retiredAt],
    ['issuer', issuersInOrder(certificate).join(', then ')],
    ['issued by', current && presentIssuer(certificate)],
    ['key type', secondKeyType === undefined ? keyType : `${keyType} and ${secondKeyType}`],
    ['key', key && `${printable(key, 500)}; it stays there, and no file has it`],
    ['serial', current?.serialNumber],
    ['valid', current && `${current.notBefore} to ${current.notAfter}`],
    ['issued', current?.issuedAt],
    ['second', second && `serial ${second.serialNumber}`],
    ['valid', second && `${second.notBefore} to ${second.notAfter}, the second`],
    ...(current?.chains ?? []).map((name, index): Line => [
      'chain',
      `${index + 1}: ${printable(name, 255)}${index === 0 ? ', in use' : ''}`,
    ]),
    ...(current?.warnings ?? []).map((text): Line => ['warning', printable(text, 500)]),
    ...(certificate.leftOut ?? []).map(({ name, since, reason }): Line => [
      'left out',
      `${printable(name, 255)} since ${since}: ${printable(reason, 500)}`,
    ]),
    ['retried', certificate.takeBack && `with the names left out at ${certificate.takeBack.at}`],
    ['revoked', current?.revokedAt],
    ['renews', renewal?.at],
    ['window', renewal?.window && `${renewal.window.start} to ${renewal.window.end}, from the CA`],
    ['reason', renewal?.explanationUrl && printable(renewal.explanationUrl, 300)],
    ['order', order],
    ['waits', isWaiting(failure) ? printable(failure?.message ?? '', 2000) : undefined],
    [
      'failed',
      failure && !isWaiting(failure)
        ? `${failure.at}, ${failure.failures} times: ${printable(failure.message, 2000)} [${failure.code}]`
        : undefined,
    ],
    ['retry', failure?.retryAt],
  ];
}

function deploymentLines(certificate: ManagedCertificate): readonly Line[] {
  const { deploy = [], deployed, current, deployFailure } = certificate;
  const isDeployed = deployed === current?.generation;
  return [
    ...deploy.map((target): Line => {
      const values = Object.values(target).map((value) => printable(String(value), 500));
      return ['deploy to', values.join(', ')];
    }),
    ...(deploy.length === 0 ? [] : [['deployed', isDeployed ? 'yes' : 'not yet'] as const]),
    [
      'deploying',
      deployFailure &&
        `failed ${deployFailure.at}: ${printable(deployFailure.message, 2000)} [${deployFailure.code}]`,
    ],
    ...(certificate.served ?? []).map(({ place, state, since, detail }): Line => [
      'served',
      `${place}: ${state} since ${since}${detail === undefined ? '' : `; ${printable(detail, 1000)}`}`,
    ]),
  ];
}

export interface ExportOptions extends ConfiguredOutputOptions {
  readonly format?: BundleFormat;
  readonly out?: string;
  readonly passphraseFile?: string;
  readonly force?: boolean;
  readonly certPath?: string;
  readonly keyPath?: string;
  /** The id of a refused certificate, which is exported in place of the one in use. */
  readonly refused?: string;
  /** The chain that is written: see `chooseChain`. */
  readonly chain?: string;
  /** Of two key types, the one whose certificate is written: see `chooseKey`. */
  readonly keyType?: KeyType;
}

/**
 * `acmex cert export`: writes a certificate and its key from the storage to files, or its chain to
 * standard output; with `--format` in that format.
 */
export async function certExport(
  idOrName: string,
  { certPath, keyPath, refused, chain, keyType, ...options }: ExportOptions,
  terminal: Terminal,
): Promise<void> {
  assertTwoFiles(certPath, keyPath);
  assertExportFlags({ certPath, keyPath, ...options });
  await withManager(options, terminal, async (manager, report) => {
    const certificate = await findCertificate(manager, idOrName);
    const { id } = certificate;
    const stored = await exportedContent(certificate, { refused, keyType }, manager);
    const content = chain === undefined ? stored : { ...stored, chain: chooseChain(stored, chain) };
    const { format: exported } = options;
    if (keyPath !== undefined || (exported !== undefined && bundleFormats[exported].hasKey))
      await recordKeyReading(certificate, { manager, report });
    if (options.format !== undefined)
      return await writeFormat(
        { format: options.format, ...content },
        {
          out: options.out ?? '-',
          force: options.force,
          output: options.output,
          passphrase: {
            file: options.passphraseFile,
            flag: '--passphrase-file',
            variable: 'ACMEX_OUT_PASSPHRASE',
          },
        },
        terminal,
      );
    if (certPath === undefined && keyPath === undefined)
      return { text: content.chain.trimEnd(), document: { id, chain: content.chain } };
    if (keyPath !== undefined)
      await writeFile(keyPath, storedPem(content.privateKey, `the key of ${id}`), 0o600);
    if (certPath !== undefined) await writeFile(certPath, content.chain, 0o644);
    return {
      text: [certPath, keyPath].filter((path) => path !== undefined).join('\n'),
      document: { id, certificate: certPath, privateKey: keyPath },
    };
  });
}

/**
 * Records that a private key is exported. Without an audit log, a key can also be exported from a
 * storage where nothing may be written.
 */
async function recordKeyReading(
  certificate: ManagedCertificate,
  { manager, report }: { readonly manager: ConfiguredManager; readonly report: Reporter },
): Promise<void> {
  try {
    await manager.provisioner.certificates.recordKeyReading(certificate);
  } catch (error) {
    const { audit } = manager.config.values;
    if (audit.enabled || errorCode(error) !== 'ERR_STORAGE_UNAVAILABLE') throw error;
    report.warn(`no event says that the private key was exported: ${errorText(error)}`);
  }
}

/**
 * Returns chain and key of the certificate in use, or of a refused one.
 * @throws CliError `ERR_CLI_USAGE` if there is none
 */
async function exportedContent(
  { id, current }: ManagedCertificate,
  { refused, keyType }: Pick<ExportOptions, 'refused' | 'keyType'>,
  { provisioner: { certificates } }: ConfiguredManager,
): Promise<Pick<Generation, 'chain' | 'alternates' | 'privateKey'>> {
  const content =
    refused === undefined
      ? current && (await certificates.generation(id, current.generation))
      : (await certificates.refused(id)).find((entry) => entry.id === refused);
  if (content) return chooseKey({ alternates: [], ...content }, keyType);
  const missing =
    refused === undefined
      ? 'no certificate yet'
      : `no refused certificate with the id ${printable(refused, 50)}`;
  throw new CliError('ERR_CLI_USAGE', `${id} has ${missing}: see acmex cert show ${id}`);
}

/** @throws CliError `ERR_CLI_USAGE` for flags that have no effect together */
function assertExportFlags({ format, certPath, keyPath, ...options }: ExportOptions): void {
  if (format !== undefined && (certPath ?? keyPath) !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      '--format writes one file: use --out in place of --cert-path and --key-path',
    );
  const { out, passphraseFile, force } = options;
  if (format === undefined && (out ?? passphraseFile ?? force) !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      '--out, --passphrase-file and --force have no effect without --format: add --format',
    );
}

/**
 * Makes sure that a certificate and its key do not overwrite each other.
 * @throws CliError `ERR_CLI_USAGE`
 */
export function assertTwoFiles(certPath: string | undefined, keyPath: string | undefined): void {
  if (certPath !== undefined && keyPath !== undefined && resolve(certPath) === resolve(keyPath))
    throw new CliError(
      'ERR_CLI_USAGE',
      `--cert-path and --key-path are the same file, ${certPath}: use two files`,
    );
}

async function writeFile(path: string, bytes: string, mode: 0o600 | 0o644): Promise<void> {
  await using file = await waitingFile(path, mode);
  await file.commit(bytes);
}

const changes = {
  pause: 'is paused: it is not renewed until acmex cert resume',
  resume: 'is renewed again',
  remove: 'and its keys are removed from the storage; deployed files stay',
};

/** `acmex cert pause|resume|remove` */
export async function certChange(
  change: keyof typeof changes,
  idOrName: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (manager) => {
    const certificate = await findCertificate(manager, idOrName);
    const { id } = certificate;
    const { certificates } = manager.provisioner;
    if (change === 'remove') await manager.provisioner.remove(id, { signal: terminal.signal });
    else await certificates[change](id);
    return {
      text: `${id} (${printableNames(certificate)}) ${changes[change]}`,
      document:
        change === 'remove' ? { id, removed: true } : toDocument(await certificates.get(id)),
    };
  });
}
