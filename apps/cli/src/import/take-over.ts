import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readlink, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseChain } from '@acmex/certificate';
import { deployFiles, type FileTarget } from '@acmex/deploy';
import { errorCode } from '@acmex/errors';
import { openFolder, replaceLinkIn } from '@acmex/files';
import { ImportError } from '@acmex/import';
import { deployRecord } from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { records, schemaCheck } from '@acmex/storage';
import * as z from 'zod';

/** The files of certbot that servers read, and what deploys to each. */
const fileKinds = {
  'fullchain.pem': 'certPath',
  'privkey.pem': 'keyPath',
  'chain.pem': 'chainPath',
  'cert.pem': 'leafPath',
} as const satisfies Readonly<Record<string, keyof FileTarget>>;
const fileNames = Object.keys(fileKinds) as readonly (keyof typeof fileKinds)[];

/** The links of one certificate of certbot, as they were before the first change. */
interface TakenLinks {
  /** The directory of certbot. */
  readonly directory: string;
  /** What certbot calls the certificate. */
  readonly name: string;
  /** The managed certificate. */
  readonly certificate: string;
  /** Where the links lead now. */
  readonly folder: string;
  /** The text of each link, by the name of its file. */
  readonly links: Readonly<Record<string, string>>;
}

const takeOvers = records<TakenLinks>({
  kind: 'take-over',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      directory: z.string(),
      name: z.string(),
      certificate: z.string(),
      folder: z.string(),
      links: z.record(z.string(), z.string()),
    }),
  ),
  under: 'take-over',
});

/** What became of the links of a certificate. */
export interface LinksOutcome {
  readonly name: string;
  readonly result: 'taken over' | 'given back' | 'failed';
  /** Where the links lead now. */
  readonly folder?: string | undefined;
  readonly error?: unknown;
}

interface TakeOverContext {
  /** The directory of certbot. */
  readonly directory: string;
  readonly manager: ConfiguredManager;
  readonly dryRun: boolean;
}

/**
 * Lets the links of certbot in `live/<name>` lead to files that AcmeX deploys to, in
 * `<directory>/../acmex/live/<name>`. The files in `archive` stay, and certbot does not renew a
 * certificate with such links. How the links were is stored first; each link changes in one step,
 * and leads to a whole file at each moment. It can be repeated at any time.
 */
export async function takeOverLinks(
  name: string,
  certificate: string,
  { directory, manager, dryRun }: TakeOverContext,
): Promise<LinksOutcome> {
  const { storage, provisioner } = manager;
  const root = resolve(directory);
  const folder = join(dirname(root), 'acmex', 'live', name);
  const stored = await takeOvers.read(storage, idOf(root, name));
  const taken = stored?.record ?? {
    ...{ directory: root, name, certificate, folder },
    links: await linksOf(root, name),
  };
  if (dryRun) return { name, result: 'taken over', folder };
  if (!stored) await storage.write([takeOvers.added(idOf(root, name), taken)]);
  const target = await targetOf(taken);
  await deployNow(target, certificate, manager);
  await provisioner.change(certificate, ({ deploy = [] }) => ({
    deploy: [...deploy.filter((step) => !isOurs(step, folder)), ...deployRecord([target])],
  }));
  for (const file of Object.keys(taken.links)) {
    await assertUnchanged(taken, file);
    await relink(linkAt(taken, file), join(folder, file));
  }
  return { name, result: 'taken over', folder };
}

/**
 * Ends what an earlier run has begun: while a certificate has links to both places, its files do not
 * belong together after a renewal.
 */
export async function continueTakeOvers(context: TakeOverContext): Promise<void> {
  if (context.dryRun) return;
  for await (const { record } of takeOvers.list(context.manager.storage))
    if (record.directory === resolve(context.directory))
      await takeOverLinks(record.name, record.certificate, context);
}

/**
 * Gives the links of certbot back as they were, and pauses the certificates here,
 * so that certbot alone renews them. The files of AcmeX are removed.
 */
export async function giveLinksBack({
  directory,
  manager,
  dryRun,
}: TakeOverContext): Promise<readonly LinksOutcome[]> {
  const root = resolve(directory);
  const outcomes: LinksOutcome[] = [];
  for await (const { record: taken } of takeOvers.list(manager.storage)) {
    if (taken.directory !== root) continue;
    const { name } = taken;
    try {
      for (const file of Object.keys(taken.links)) await assertUnchanged(taken, file);
      if (!dryRun) await giveBack(taken, manager);
      outcomes.push({ name, result: 'given back' });
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      outcomes.push({ name, result: 'failed', error });
    }
  }
  return outcomes;
}

async function giveBack(taken: TakenLinks, { storage, provisioner }: ConfiguredManager) {
  const { certificate, folder, directory, name } = taken;
  for (const [file, text] of Object.entries(taken.links)) await relink(linkAt(taken, file), text);
  try {
    await provisioner.change(
      certificate,
      ({ deploy = [] }) => ({ deploy: deploy.filter((step) => !isOurs(step, folder)) }),
      { paused: 'pause' },
    );
  } catch (error) {
    // It was removed here: there is nothing to pause.
    if (errorCode(error) !== 'ERR_ORCHESTRATOR_NOT_FOUND') throw error;
  }
  for (const file of Object.keys(taken.links)) await rm(join(folder, file), { force: true });
  await removeEmpty([folder, dirname(folder), dirname(dirname(folder))]);
  await storage.write([{ remove: takeOvers.key(idOf(directory, name)) }]);
}

async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return;
      throw error;
    }
  }
}

function idOf(directory: string, name: string): string {
  return createHash('sha256').update(`${directory} ${name}`).digest('hex').slice(0, 24);
}

function linkAt({ directory, name }: TakenLinks, file: string): string {
  return join(directory, 'live', name, file);
}

/** @throws ImportError `ERR_IMPORT_TAKE_OVER` for what is not a link of certbot */
async function linksOf(directory: string, name: string): Promise<TakenLinks['links']> {
  const links: Record<string, string> = {};
  for (const file of fileNames) {
    const path = join(directory, 'live', name, file);
    const text = await linkText(path);
    const archive = join(directory, 'archive', name);
    if (text === undefined || dirname(resolve(dirname(path), text)) !== archive)
      throw new ImportError(
        'ERR_IMPORT_TAKE_OVER',
        `${path} is not a link to a file in ${archive}, as certbot makes it: repair it with certbot, or deploy to another path with acmex obtain --cert-path`,
      );
    links[file] = text;
  }
  return links;
}

async function linkText(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** @throws ImportError `ERR_IMPORT_TAKE_OVER` where someone else has changed the link since */
async function assertUnchanged(taken: TakenLinks, file: string): Promise<void> {
  const path = linkAt(taken, file);
  const text = await linkText(path);
  if (text !== undefined && [taken.links[file], join(taken.folder, file)].includes(text)) return;
  throw new ImportError(
    'ERR_IMPORT_TAKE_OVER',
    `${path} has been changed since: let it lead to ${taken.links[file]} again, then repeat the command`,
  );
}

/** Makes a link lead elsewhere in one step. */
async function relink(path: string, text: string): Promise<void> {
  if ((await linkText(path)) === text) return;
  await using folder = await openFolder(dirname(path));
  await replaceLinkIn(folder, basename(path), text);
}

/** The new files have the owner of the key of certbot, and its mode. */
async function targetOf({ directory, name, folder, links }: TakenLinks): Promise<FileTarget> {
  const live = await stat(join(directory, 'live', name));
  const keyLink = join(directory, 'live', name, 'privkey.pem');
  const key = await stat(resolve(dirname(keyLink), links['privkey.pem'] ?? ''));
  await mkdir(folder, { recursive: true, mode: live.mode & 0o755 });
  if ((await lstat(folder)).uid !== live.uid) await chown(folder, live.uid, live.gid);
  const paths = fileNames.map((file) => [fileKinds[file], join(folder, file)] as const);
  return {
    ...Object.fromEntries(paths),
    owner: String(key.uid),
    group: String(key.gid),
    keyMode: key.mode & 0o640,
  };
}

async function deployNow(
  target: FileTarget,
  id: string,
  { provisioner: { certificates } }: ConfiguredManager,
): Promise<void> {
  const { names, current } = await certificates.get(id);
  const generation = current && (await certificates.generation(id, current.generation));
  const [leaf] = generation ? parseChain(generation.chain) : [];
  if (!current || !generation || !leaf)
    throw new ImportError(
      'ERR_IMPORT_TAKE_OVER',
      `${id} has no certificate to deploy: repeat the command when it is issued`,
    );
  const { chain, privateKey } = generation;
  const { serialNumber } = leaf;
  const bundle = { id, names, serialNumber, notAfter: current.notAfter, chain, privateKey };
  await deployFiles(target, bundle);
}

function isOurs(step: object, folder: string): boolean {
  return 'certPath' in step && step.certPath === join(folder, 'fullchain.pem');
}
