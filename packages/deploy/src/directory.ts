import { readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type FileAttributes,
  type Folder,
  openFolder,
  replaceFileIn,
  replaceLinkIn,
} from '@acmex/files';
import { type Bundle, filesOf, folderName } from './bundle.ts';
import { DeployError } from './errors.ts';
import { writeFailure } from './write-failure.ts';
import type { Permissions } from './permissions.ts';

/**
 * A folder in certbot's form: `live/<name>` with `fullchain.pem`, `privkey.pem`, `cert.pem` and
 * `chain.pem`; of a second key with `fullchain-rsa.pem` and so on, named after its algorithm.
 */
export interface DirectoryTarget extends Permissions {
  /** Absolute. */
  readonly directory: string;
  /** The name of the certificate's folder; the first name of the certificate by default. */
  readonly name?: string | undefined;
}

/** Where a certificate is after it was deployed. */
export interface Deployed {
  /** Whether a file was written. */
  readonly changed: boolean;
  readonly paths: {
    readonly fullchain?: string | undefined;
    readonly privateKey?: string | undefined;
    /** Those of the second key. */
    readonly secondFullchain?: string | undefined;
    readonly secondPrivateKey?: string | undefined;
    readonly lineage?: string | undefined;
  };
}

/** How many certificates stay in an archive, with the current one. */
const archivedCertificates = 3;

/** As folders of an archive are named: a serial number in lower-case hexadecimal. */
const serialNumberPattern = /^[0-9a-f]{1,64}$/;

const folderMode = 0o755;

/**
 * Writes a certificate to `archive/<name>/<serial number>`, then lets the link `live/<name>` lead
 * there.
 *
 * @throws DeployError
 */
export async function deployToDirectory(
  target: DirectoryTarget,
  bundle: Bundle,
  attributes: Readonly<Record<'key' | 'certificate', FileAttributes>>,
): Promise<Deployed> {
  const { directory, name = folderName(bundle.names) } = target;
  assertFolderName(name, bundle);
  const lineage = join(directory, 'live', name);
  const paths = {
    fullchain: join(lineage, 'fullchain.pem'),
    privateKey: bundle.privateKey === undefined ? undefined : join(lineage, 'privkey.pem'),
    ...secondPaths(lineage, bundle),
    lineage,
  };
  try {
    await using live = await openFolder(join(directory, 'live'), { make: folderMode });
    const current = await currentTarget(live, name);
    await using archive = await openFolder(join(directory, 'archive', name), { make: folderMode });
    const previous = basename(current ?? '');
    const hasWritten = await writeBundle(archive, bundle, { ...attributes, previous });
    const wanted = join('..', 'archive', name, bundle.serialNumber);
    if (current === wanted) return { changed: hasWritten, paths };
    await archive.sync();
    await replaceLinkIn(live, name, wanted);
    await prune(archive, bundle.serialNumber);
    return { changed: true, paths };
  } catch (error) {
    throw writeFailure(lineage, error);
  }
}

function secondPaths(lineage: string, { second }: Bundle): Deployed['paths'] {
  if (!second) return {};
  const { algorithm } = second;
  return {
    secondFullchain: join(lineage, `fullchain-${algorithm}.pem`),
    secondPrivateKey: join(lineage, `privkey-${algorithm}.pem`),
  };
}

function assertFolderName(name: string, { serialNumber }: Bundle): void {
  if (name === '' || name.startsWith('.') || name.includes('/') || name.includes('\0'))
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `${JSON.stringify(name)} cannot be the name of a folder: use letters, digits, "-" and "_"`,
    );
  if (!serialNumberPattern.test(serialNumber))
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `${JSON.stringify(serialNumber)} is not a serial number in lower-case hexadecimal`,
    );
}

/** Returns where the link of a certificate leads; undefined where there is nothing. */
async function currentTarget(live: Folder, name: string): Promise<string | undefined> {
  const stats = await live.stat(name);
  if (stats === undefined) return undefined;
  if (!stats.isSymbolicLink())
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `${join(live.path, name)} exists and is not a symbolic link of AcmeX: move it away, or use another name`,
    );
  return await readlink(live.entry(name));
}

/**
 * Writes the four files of a certificate, three for a key that cannot leave its device, and four
 * for a second key; owner, group and mode are kept from the previous certificate's files.
 *
 * @returns whether a file was written
 */
async function writeBundle(
  archive: Folder,
  bundle: Bundle,
  { key, certificate, previous }: BundleAttributes,
): Promise<boolean> {
  const texts = filesOf(bundle);
  const { second } = bundle;
  const secondTexts = second && filesOf(second);
  const suffix = second?.algorithm ?? '';
  await using folder = await archive.make(bundle.serialNumber, folderMode);
  let hasWritten = false;
  for (const [file, text, attributes] of [
    ['privkey.pem', texts.privateKey, key],
    ['fullchain.pem', texts.fullchain, certificate],
    ['cert.pem', texts.certificate, certificate],
    ['chain.pem', texts.chain, certificate],
    [`privkey-${suffix}.pem`, secondTexts?.privateKey, key],
    [`fullchain-${suffix}.pem`, secondTexts?.fullchain, certificate],
    [`cert-${suffix}.pem`, secondTexts?.certificate, certificate],
    [`chain-${suffix}.pem`, secondTexts?.chain, certificate],
  ] as const) {
    if (text === undefined) continue;
    const earlier = await trustedStats(archive, previous, file);
    if (await replaceFileIn(folder, file, text, { ...attributes, earlier })) hasWritten = true;
  }
  return hasWritten;
}

interface BundleAttributes extends Readonly<Record<'key' | 'certificate', FileAttributes>> {
  /** The folder of the previous certificate, in the archive; any other text where there is none. */
  readonly previous: string;
}

/**
 * Returns the properties of an archived file; undefined where there is none, or another user could
 * have made it.
 */
async function trustedStats(archive: Folder, folderName: string, file: string) {
  if (!serialNumberPattern.test(folderName)) return undefined;
  if (!(await archive.stat(folderName))?.isDirectory()) return undefined;
  await using folder = await archive.open(folderName);
  const stats = await folder.stat(file);
  return stats?.isFile() && folder.trusts(stats) ? stats : undefined;
}

/** Removes old certificates. The newest stay: a server may still have one of them open. */
async function prune(archive: Folder, current: string): Promise<void> {
  const entries = await archive.list();
  const previous = await Promise.all(
    entries
      .filter(
        (entry) =>
          entry.isDirectory() && entry.name !== current && serialNumberPattern.test(entry.name),
      )
      .map(async ({ name }) => ({ name, changedAt: (await archive.stat(name))?.mtimeMs ?? 0 })),
  );
  const superfluous = previous
    .sort((a, b) => b.changedAt - a.changedAt)
    .slice(archivedCertificates - 1);
  for (const { name } of superfluous) await archive.removeTree(name);
}
