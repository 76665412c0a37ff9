import { keyedMutex } from '@acmex/clock';
import {
  checkTarget,
  type CompleteBundle,
  DeployError,
  type DeployErrorCode,
  type DeployTarget,
  type FilePaths,
  pathsFor,
  type StageOptions,
  type TargetCallOptions,
  type TargetMemory,
} from '@acmex/deploy';
import { errorText, withoutPrivateKeys, withoutSecrets } from '@acmex/errors';
import {
  keyLines,
  mismatchedPath,
  readFiles,
  serialNumberOf,
  type ServerFile,
  serverFiles,
  writeFiles,
} from './certificate-files.ts';
import { forgetUnfinished, readUnfinished, rememberUnfinished } from './unfinished.ts';

/** A server of this machine that reads its certificates from files. */
export interface FileServer {
  /** As messages name it. */
  readonly name: string;
  /**
   * Where the server reads a certificate: `certPath` and `keyPath`, or `combinedPath`; `{name}` is
   * replaced by the name of the certificate.
   */
  readonly paths: FilePaths;
  /**
   * Finds out whether the server would take the files, which are in place. What it serves does not
   * change.
   * @throws DeployError with a message that does not name the server
   */
  check(files: readonly ServerFile[], options: TargetCallOptions): Promise<void>;
  /**
   * Lets the server read the files, which are in place.
   * @throws DeployError with a message that does not name the server
   */
  load(files: readonly ServerFile[], options: TargetCallOptions): Promise<void>;
}

/**
 * Returns a target that writes the files of a server, checks them in place, and only then lets the
 * server read them. Where the check fails, the former files are put back and the server reads
 * nothing. One certificate at a time: a check reads the files of all.
 */
export function serverTarget(server: FileServer): DeployTarget {
  const mutex = keyedMutex();
  return {
    name: server.name,
    async stage(bundle, { former, memory, signal }) {
      const paths = pathsFor(server.paths, bundle);
      const { before, isApplied } = await named(server, [], async () => {
        await checkTarget(paths);
        return await stateBefore(server.paths, bundle, { former, memory });
      });
      signal?.throwIfAborted();
      const files = serverFiles(paths, bundle);
      const deployment = { server, before, memory, secrets: keyLines([...files, ...before]) };
      let progress: Progress = isApplied ? 'loaded' : 'unchanged';
      const step = async <T>(options: TargetCallOptions, work: () => Promise<T>) =>
        await mutex(
          server.name,
          async () => await named(server, deployment.secrets, work, options),
          options,
        );
      return {
        apply: async (options) =>
          await step(options, async () => {
            if (progress === 'unchanged') progress = 'written';
            await put(deployment, { files, serialNumber: bundle.serialNumber }, options);
            progress = 'loaded';
            await server.load(files, options);
          }),
        commit: async () => await forgetUnfinished(memory),
        rollBack: async (options) =>
          await step(options, async () => {
            await putBack(deployment, progress, options);
            progress = 'unchanged';
            return { serialNumber: serialNumberOf(before) };
          }),
      };
    },
  };
}

/** How far a deployment came: no file was written, or files were, or the server may use them. */
type Progress = 'unchanged' | 'written' | 'loaded';

interface Deployment {
  readonly server: FileServer;
  readonly before: readonly ServerFile[];
  readonly memory: TargetMemory;
}

/** Writes a certificate and checks it in place. Where the check fails, the files are as before. */
async function put(
  { server, before, memory }: Deployment,
  { files, serialNumber }: { readonly files: readonly ServerFile[]; readonly serialNumber: string },
  options: TargetCallOptions,
): Promise<void> {
  refuseMismatch(files);
  await rememberUnfinished(memory, { serialNumber, before });
  await writeFiles(files);
  try {
    await server.check(files, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    await writeFiles(before);
    throw error;
  }
}

async function putBack(
  { server, before, memory }: Deployment,
  progress: Progress,
  options: TargetCallOptions,
): Promise<void> {
  if (progress !== 'unchanged') await writeFiles(before);
  if (progress === 'loaded') {
    refuseMismatch(before);
    await server.check(before, options);
    await server.load(before, options);
  }
  await forgetUnfinished(memory);
}

interface StateBefore {
  /** What the files had before the certificate. */
  readonly before: readonly ServerFile[];
  /** Whether the server may have read the files of the certificate already. */
  readonly isApplied: boolean;
}

/** Returns what was there before, also where an earlier process began to deploy. */
async function stateBefore(
  paths: FilePaths,
  bundle: CompleteBundle,
  { former, memory }: Pick<StageOptions, 'former' | 'memory'>,
): Promise<StateBefore> {
  const present = await readFiles(serverFiles(pathsFor(paths, bundle), bundle));
  const serialNumber = serialNumberOf(present);
  const unfinished = await readUnfinished(memory, present);
  // Where somebody else has put a third certificate there since, that one is what was before.
  const isLeftBehind =
    serialNumber === unfinished?.serialNumber ||
    serialNumber === serialNumberOf(unfinished?.before ?? []);
  if (unfinished && isLeftBehind) return { before: unfinished.before, isApplied: true };
  const isApplied = serialNumber === bundle.serialNumber;
  if (!isApplied || !former) return { before: present, isApplied };
  const formerFiles = serverFiles(pathsFor(paths, former), former);
  const contentBefore = (path: string) => formerFiles.find((file) => file.path === path)?.content;
  return {
    before: present.map((file) => ({ ...file, content: contentBefore(file.path) })),
    isApplied,
  };
}

function refuseMismatch(files: readonly ServerFile[]): void {
  const path = mismatchedPath(files);
  if (path === undefined) return;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `the private key for ${path} is not that of its certificate, and could end the server: put the right key there`,
  );
}

/** Lets a failure begin with the name of the server, without a key that a program repeats. */
async function named<T>(
  { name }: FileServer,
  secrets: readonly string[],
  work: () => Promise<T>,
  { signal }: TargetCallOptions = {},
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    const text = withoutSecrets(withoutPrivateKeys(errorText(error)), secrets);
    // The cause is left out: it may have a key.
    throw new DeployError(codeOf(error), `${name}: ${text}`);
  }
}

function codeOf(error: unknown): DeployErrorCode {
  return error instanceof DeployError ? error.code : 'ERR_DEPLOY_UNREACHABLE';
}
