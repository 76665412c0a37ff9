import { mkdir, stat } from 'node:fs/promises';
import {
  createDevelopmentAuthority,
  currentCrl,
  loadAuthority,
  networkValidator,
  type ProfileOptions,
  saveAuthority,
} from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { systemClock } from '@acmex/clock';
import { addressPolicy } from '@acmex/egress';
import { fileErrorText } from '@acmex/files';
import { memoryStorage, type Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { CliError } from '../errors.ts';
import { freePort } from '../free-port.ts';
import type { Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';

/** As the server of the CA has it. */
const crlLifetime = Temporal.Duration.from({ hours: 7 * 24 });

/** A CA on this machine, which forgets everything when it ends unless it has a storage. */
export interface DemoCa extends AsyncDisposable {
  /** The URL of its directory. */
  readonly directory: string;
  /** Where it looks for answers of http-01, on this machine. */
  readonly httpPort: number;
}

export interface DemoCaOptions {
  readonly profiles?: Readonly<Record<string, ProfileOptions>>;
  /** The address of a name, of this machine; 127.0.0.1 by default. */
  readonly addressOf?: (name: string) => string;
  /** Where it has everything; in memory by default. It is disposed of with the CA. */
  readonly storage?: Storage;
}

/**
 * Starts the CA.
 * @param root the file for its root certificate
 */
export async function startDemoCa(
  root: string,
  { stderr }: Pick<Terminal, 'stderr'>,
  { profiles, addressOf = () => '127.0.0.1', storage = memoryStorage() }: DemoCaOptions = {},
): Promise<DemoCa> {
  await saveAuthority(storage, await createDevelopmentAuthority());
  const authority = await loadAuthority(storage, { kind: 'development' });
  await currentCrl(
    { storage, issuer: authority.issuer, clock: systemClock, lifetimes: { crl: crlLifetime } },
    {
      onError(error) {
        throw error;
      },
    },
  );
  const httpPort = await freePort();
  const server = await serveAcme({
    storage,
    issuer: authority.issuer,
    ...(profiles ? { profiles } : {}),
    // Nothing on this machine is there a few seconds later.
    validationPauses: [],
    validate: networkValidator({
      egress: {
        policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
        resolver: async (name) => [addressOf(name)],
      },
      ports: { http: httpPort, https: httpPort },
    }),
    onError: ({ during, error }) => {
      stderr.write(`the demonstration's CA: ${during} failed: ${String(error)}\n`);
    },
  });
  const end = async () => {
    await server[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
  };
  try {
    await using file = await waitingFile(root, 0o644);
    await file.commit(authority.root);
  } catch (error) {
    await end();
    throw error;
  }
  return { directory: server.directory, httpPort, [Symbol.asyncDispose]: end };
}

/**
 * Makes the folder of a demonstration.
 * @param file whose existence shows that there was one before
 * @throws CliError `ERR_CLI_EXISTS`, `ERR_CLI_FILE`
 */
export async function emptyDirectory(path: string, file: string): Promise<void> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new CliError('ERR_CLI_EXISTS', `${file} already exists: use another --directory`);
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw new CliError(
      'ERR_CLI_FILE',
      `the directory ${path} cannot be created (${fileErrorText(error)})`,
      { cause: error },
    );
  });
}
