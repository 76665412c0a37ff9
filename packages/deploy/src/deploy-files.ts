import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { type Bundle, filesOf, folderName } from './bundle.ts';
import { DeployError } from './errors.ts';
import { idsOf, type Ownership } from './owner.ts';
import { failure, flush, writeWhole } from './written.ts';

/** Files of one's own, each where a server wants it. Absolute paths. */
export interface FileTarget extends Ownership {
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  readonly chainPath?: string | undefined;
  /** The leaf alone. */
  readonly leafPath?: string | undefined;
  /** Key and chain in one, as HAProxy reads it. */
  readonly combinedPath?: string | undefined;
  /** Of the certificates; the key is never readable by others. 0644 by default. */
  readonly mode?: number | undefined;
  /** Of the key, and of what holds it. 0600 by default. */
  readonly keyMode?: number | undefined;
}

/** A folder in the form of certbot's: `live/<name>` with `fullchain.pem`, `privkey.pem`, `cert.pem` and `chain.pem`. */
export interface DirectoryTarget extends Ownership {
  readonly directory: string;
  /** Of its folder; the first name of the certificate by default. */
  readonly name?: string | undefined;
  readonly mode?: number | undefined;
  readonly keyMode?: number | undefined;
}

export type Target = FileTarget | DirectoryTarget;

/** Where a certificate lies now. */
export interface Deployed {
  readonly changed: boolean;
  readonly paths: {
    readonly fullchain?: string | undefined;
    readonly privateKey?: string | undefined;
    readonly lineage?: string | undefined;
  };
}

const keptGenerations = 3;

/**
 * Puts a certificate into files. The same again changes nothing. In a directory, certificate and key change in one step; of single
 * files the key goes first, each whole.
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_TARGET`
 */
export async function deployFiles(target: Target, bundle: Bundle): Promise<Deployed> {
  const { keyMode = 0o600 } = target;
  if ((keyMode & 0o007) !== 0)
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `the mode ${keyMode.toString(8)} would show the private key to everyone: give 0600, or 0640 with a group`,
    );
  return 'directory' in target
    ? await intoDirectory(target, bundle)
    : await intoFiles(target, bundle);
}

async function intoFiles(target: FileTarget, bundle: Bundle): Promise<Deployed> {
  const {
    certPath,
    keyPath,
    chainPath,
    leafPath,
    combinedPath,
    mode = 0o644,
    keyMode = 0o600,
  } = target;
  const files = filesOf(bundle);
  const ids = await idsOf(target);
  const all: readonly (readonly [string | undefined, string, number])[] = [
    [keyPath, files.privateKey, keyMode],
    [combinedPath, files.privateKey + files.fullchain, keyMode],
    [certPath, files.fullchain, mode],
    [leafPath, files.certificate, mode],
    [chainPath, files.chain, mode],
  ];
  let changed = false;
  for (const [path, text, own] of all) {
    if (path === undefined) continue;
    if (!isAbsolute(path))
      throw new DeployError(
        'ERR_DEPLOY_TARGET',
        `${path} is no absolute path: it would lead elsewhere from another folder`,
      );
    changed = (await writeWhole(path, text, { mode: own, ...ids })) || changed;
  }
  return {
    changed,
    paths: { fullchain: certPath ?? combinedPath, privateKey: keyPath ?? combinedPath },
  };
}

async function intoDirectory(target: DirectoryTarget, bundle: Bundle): Promise<Deployed> {
  const { directory, name = folderName(bundle.names), mode = 0o644, keyMode = 0o600 } = target;
  if (!isAbsolute(directory))
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `${directory} is no absolute path: it would lead elsewhere from another folder`,
    );
  const ids = await idsOf(target);
  const lineage = join(directory, 'live', name);
  const paths = {
    fullchain: join(lineage, 'fullchain.pem'),
    privateKey: join(lineage, 'privkey.pem'),
    lineage,
  };
  const archive = join(directory, 'archive', name);
  const wanted = join('..', 'archive', name, bundle.serialNumber);
  try {
    const old = await readlink(lineage).catch(() => undefined);
    if (
      old === undefined &&
      (await lstat(lineage).then(
        () => true,
        () => false,
      ))
    )
      throw new DeployError(
        'ERR_DEPLOY_TARGET',
        `${lineage} is there and is no link of ours: move it away, or give another name`,
      );
    for (const folder of [archive, join(directory, 'live')])
      await mkdir(folder, { recursive: true, mode: 0o755 });
    const { fullchain, certificate, chain, privateKey } = filesOf(bundle);
    const folder = join(archive, bundle.serialNumber);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    let changed = false;
    for (const [file, text, own] of [
      ['privkey.pem', privateKey, keyMode],
      ['fullchain.pem', fullchain, mode],
      ['cert.pem', certificate, mode],
      ['chain.pem', chain, mode],
    ] as const) {
      changed = (await writeWhole(join(folder, file), text, { mode: own, ...ids })) || changed;
    }
    if (old === wanted) return { changed, paths };
    await flush(archive);
    const next = join(directory, 'live', `.${name}.${randomBytes(6).toString('hex')}`);
    await symlink(wanted, next);
    await rename(next, lineage);
    await flush(join(directory, 'live'));
    await prune(archive, bundle.serialNumber);
    return { changed: true, paths };
  } catch (error) {
    throw error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_DEPLOY_')
      ? error
      : failure(lineage, error);
  }
}

/** The newest stay: a server may still have one of them open. */
async function prune(archive: string, current: string): Promise<void> {
  const others = await Promise.all(
    (await readdir(archive))
      .filter((one) => one !== current)
      .map(async (one) => ({ one, at: (await stat(join(archive, one))).mtimeMs })),
  );
  for (const { one } of others.sort((a, b) => b.at - a.at).slice(keptGenerations - 1))
    await rm(join(archive, one), { recursive: true, force: true });
}
