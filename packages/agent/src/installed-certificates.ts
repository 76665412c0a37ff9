import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, folderName } from '@acmex/deploy';
import { errorCode } from '@acmex/errors';
import { fileErrorText, replaceFile } from '@acmex/files';
import { matchingBundle, secondBundle } from './bundle.ts';
import { AgentError } from './errors.ts';

/** A certificate in a folder of `live`. The state file has these names. */
export interface InstalledCertificate {
  /** Of the folder. */
  readonly name: string;
  readonly serialNumber: string;
  /** The serial number for which the hook last succeeded. */
  readonly used?: string | undefined;
}

const stateFile = '.acmex-agent.json';

/**
 * Records beside the files which certificates are installed and for which of them the hook has run,
 * so that a crash in between skips no hook.
 */
export class InstalledCertificates {
  readonly #directory: string;
  readonly #byId: Map<string, InstalledCertificate>;

  private constructor(directory: string, byId: Map<string, InstalledCertificate>) {
    this.#directory = directory;
    this.#byId = byId;
  }

  /**
   * Reads the record, and makes the directory. A record that is absent or unreadable counts as
   * empty: everything is fetched again.
   * @throws AgentError `ERR_AGENT_DIRECTORY`
   */
  static async open(directory: string): Promise<InstalledCertificates> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      const text = await readFile(join(directory, stateFile), 'utf8');
      return new InstalledCertificates(directory, parseState(text));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return new InstalledCertificates(directory, new Map());
      throw new AgentError(
        'ERR_AGENT_DIRECTORY',
        `the directory ${directory} cannot be used: ${fileErrorText(error)}`,
        { cause: error },
      );
    }
  }

  get(id: string): InstalledCertificate | undefined {
    return this.#byId.get(id);
  }

  /** @throws AgentError `ERR_AGENT_DIRECTORY` */
  async set(id: string, installed: InstalledCertificate): Promise<void> {
    const path = join(this.#directory, stateFile);
    const certificates = Object.fromEntries(new Map(this.#byId).set(id, installed));
    const text = `${JSON.stringify({ version: 1, certificates }, null, 2)}\n`;
    await replaceFile(path, text, { mode: 0o600 }).catch((cause: unknown) => {
      const message = `${path} cannot be written: ${fileErrorText(cause)}`;
      throw new AgentError('ERR_AGENT_DIRECTORY', message, { cause });
    });
    this.#byId.set(id, installed);
  }

  /**
   * Returns the folder of a certificate, which never changes. Of two certificates with the same
   * first name, the later one has its id appended.
   */
  nameOf(id: string, names: readonly string[]): string {
    const current = this.#byId.get(id)?.name;
    if (current !== undefined) return current;
    const preferred = folderName(names);
    const isTaken = [...this.#byId.values()].some(({ name }) => name === preferred);
    return isTaken ? `${preferred}-${id}` : preferred;
  }

  /**
   * Returns the bundle in a folder, with the second of a pair where one is there; undefined where it
   * is incomplete or invalid.
   */
  async bundle(name: string, subject: Pick<Bundle, 'id' | 'names'>): Promise<Bundle | undefined> {
    const { privateKey, fullchain, lineage } = this.paths(name);
    const first = await this.#bundleIn({ privateKey, fullchain }, subject);
    if (!first) return undefined;
    for (const algorithm of ['rsa', 'ec'] as const) {
      const files = {
        privateKey: join(lineage, `privkey-${algorithm}.pem`),
        fullchain: join(lineage, `fullchain-${algorithm}.pem`),
      };
      const second = await this.#bundleIn(files, subject);
      if (second) return { ...first, second: secondBundle(second) };
    }
    return first;
  }

  async #bundleIn(
    { privateKey, fullchain }: Record<'privateKey' | 'fullchain', string>,
    subject: Pick<Bundle, 'id' | 'names'>,
  ): Promise<Bundle | undefined> {
    const [key, chain] = await Promise.all(
      [privateKey, fullchain].map(
        async (path) => await readFile(path, 'utf8').catch(() => undefined),
      ),
    );
    if (key === undefined || chain === undefined) return undefined;
    return await matchingBundle(key, chain, subject);
  }

  paths(name: string): Record<'fullchain' | 'privateKey' | 'lineage', string> {
    const lineage = join(this.#directory, 'live', name);
    return {
      fullchain: join(lineage, 'fullchain.pem'),
      privateKey: join(lineage, 'privkey.pem'),
      lineage,
    };
  }
}

function parseState(text: string): Map<string, InstalledCertificate> {
  try {
    const { certificates } = JSON.parse(text) as {
      readonly certificates: Readonly<Record<string, Partial<InstalledCertificate>>>;
    };
    return new Map(
      Object.entries(certificates).flatMap(([id, { name, serialNumber, used }]) =>
        isFolderName(name) && typeof serialNumber === 'string'
          ? [[id, { name, serialNumber, used }]]
          : [],
      ),
    );
  } catch {
    return new Map();
  }
}

function isFolderName(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z0-9_][a-z0-9._-]*$/.test(name);
}
