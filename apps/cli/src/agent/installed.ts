import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, folderName } from '@acmex/deploy';
import { errorCode } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { CliError } from '../errors.ts';
import { waitingFile } from '../whole-file.ts';
import { pairIn } from './bundle.ts';

/** What lies in a folder of `live`. */
export interface Installed {
  /** Of the folder. */
  readonly name: string;
  readonly serialNumber: string;
  /** The serial number for which the hook has ended well. */
  readonly used?: string | undefined;
}

const kept = '.acmex-agent.json';

/** Remembers, beside the files, what has been put there and what the hook has been told of, so that a crash in between loses no hook. */
export class InstalledCertificates {
  readonly #directory: string;
  readonly #all: Map<string, Installed>;

  private constructor(directory: string, all: Map<string, Installed>) {
    this.#directory = directory;
    this.#all = all;
  }

  /** What is not there or cannot be understood counts as nothing: it is fetched anew. @throws CliError `ERR_CLI_FILE` */
  static async open(directory: string): Promise<InstalledCertificates> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      return new InstalledCertificates(
        directory,
        readState(await readFile(join(directory, kept), 'utf8')),
      );
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return new InstalledCertificates(directory, new Map());
      throw new CliError(
        'ERR_CLI_FILE',
        `the directory ${directory} cannot be used: ${fileErrorText(error)}`,
        { cause: error },
      );
    }
  }

  get(id: string): Installed | undefined {
    return this.#all.get(id);
  }

  /** @throws CliError `ERR_CLI_FILE` */
  async set(id: string, installed: Installed): Promise<void> {
    await using file = await waitingFile(join(this.#directory, kept), 0o600);
    const next = new Map(this.#all).set(id, installed);
    await file.commit(
      `${JSON.stringify({ version: 1, certificates: Object.fromEntries(next) }, null, 2)}\n`,
    );
    this.#all.set(id, installed);
  }

  /** The folder of a certificate: it keeps the one it has; of two with the same first name, the later has its id behind it. */
  nameOf(id: string, names: readonly string[]): string {
    const own = this.#all.get(id)?.name;
    if (own !== undefined) return own;
    const wanted = folderName(names);
    return [...this.#all.values()].some(({ name }) => name === wanted) ? `${wanted}-${id}` : wanted;
  }

  /** What lies there, where it is whole. */
  async bundle(name: string, of: Pick<Bundle, 'id' | 'names'>): Promise<Bundle | undefined> {
    const { privateKey, fullchain } = this.paths(name);
    const texts = await Promise.all(
      [privateKey, fullchain].map(
        async (path) => await readFile(path, 'utf8').catch(() => undefined),
      ),
    );
    const [key, chain] = texts;
    return key === undefined || chain === undefined ? undefined : await pairIn(key, chain, of);
  }

  paths(name: string): {
    readonly fullchain: string;
    readonly privateKey: string;
    readonly lineage: string;
  } {
    const lineage = join(this.#directory, 'live', name);
    return {
      fullchain: join(lineage, 'fullchain.pem'),
      privateKey: join(lineage, 'privkey.pem'),
      lineage,
    };
  }
}

function readState(text: string): Map<string, Installed> {
  try {
    const { certificates } = JSON.parse(text) as {
      readonly certificates: Readonly<Record<string, Partial<Installed>>>;
    };
    return new Map(
      Object.entries(certificates).flatMap(([id, { name, serialNumber, used }]) =>
        isFolder(name) && typeof serialNumber === 'string'
          ? [[id, { name, serialNumber, used }]]
          : [],
      ),
    );
  } catch {
    return new Map();
  }
}

function isFolder(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z0-9_][a-z0-9._-]*$/.test(name);
}
