import { hostname, userInfo } from 'node:os';
import {
  exposedCredentials,
  faultText,
  keysOf,
  openDriver as openDriverAt,
  openStorage as openStorageOf,
  storageOf,
} from '@acmex/config';
import { errorText } from '@acmex/errors';
import type { AuditedStorageOptions } from '@acmex/observability/audit';
import type { Storage } from '@acmex/storage';
import { type EncryptionKeyInput, parseEncryptionKey } from '@acmex/storage-encrypted';
import { type Configured, dataDirectory } from './configuration.ts';
import { CliError } from './errors.ts';
import { readText } from './read-text.ts';
import type { Reporter, Terminal } from './terminal.ts';

/**
 * Opens the storage of the configuration: with its encryption, if there are keys, and with an audit
 * log of what is changed, if one is configured.
 * @param audit what the log has besides events
 */
export async function openStorage(
  { configuration, program = 'acmex' }: Configured,
  terminal: Pick<Terminal, 'env' | 'uid' | 'tracing'>,
  report: Reporter,
  audit: Pick<AuditedStorageOptions, 'actionsIn'> = {},
): Promise<Storage> {
  const opened = await openUnaudited({ configuration }, terminal, report);
  const storage = terminal.tracing?.watchStorage(opened) ?? opened;
  if (!configuration.values.audit.enabled) return await withTraces(storage, terminal);
  const { configuredAudit } = await import('@acmex/manager/from-config');
  const origin = { program, host: hostname(), user: userName(terminal) };
  const audited = configuredAudit(configuration, storage, {
    ...audit,
    origin,
    environment: terminal.env,
    onError: (error) => report.warn(`a checkpoint of the audit log failed: ${errorText(error)}`),
  });
  return await withTraces(audited, terminal);
}

/** Returns a storage whose events have the trace of what is done, where traces are recorded. */
async function withTraces(
  storage: Storage,
  { tracing }: Pick<Terminal, 'tracing'>,
): Promise<Storage> {
  if (!tracing) return storage;
  const { tracedEvents, traceIdOf } = await import('@acmex/orchestrator');
  return tracedEvents(storage, () => traceIdOf(tracing.managerOptions.currentTrace()));
}

/** Opens the storage of the configuration without its audit log, which the caller reads or adds. */
export async function openUnaudited(
  { configuration }: Configured,
  terminal: Pick<Terminal, 'env' | 'uid'>,
  report: Reporter,
): Promise<Storage> {
  for (const fault of await exposedCredentials(configuration)) report.warn(faultText(fault));
  return await openStorageOf(storageOf(configuration), {
    directory: dataDirectory(terminal),
    onNotice: (message) => report.warn(message),
  });
}

/** Returns who runs the program: the person behind sudo, if there is one. */
export function userName({ env, uid }: Pick<Terminal, 'env' | 'uid'>): string | undefined {
  try {
    return env.SUDO_USER ?? userInfo().username;
  } catch {
    // This user has no name on this machine.
    return uid === undefined ? undefined : String(uid);
  }
}

/** Opens the storage of the configuration without its encryption. */
export async function openDriver(
  { configuration }: Configured,
  terminal: Pick<Terminal, 'env' | 'uid'>,
  report: Reporter,
): Promise<Storage> {
  return await openDriverAt(storageOf(configuration).place, {
    directory: dataDirectory(terminal),
    onNotice: (message) => report.warn(message),
  });
}

/** Returns the keys of the storage, the first of which encrypts; none if it is not encrypted. */
export async function encryptionKeys({
  configuration,
}: Configured): Promise<readonly EncryptionKeyInput[]> {
  const { encryption } = storageOf(configuration);
  return encryption ? await keysOf(encryption) : [];
}

/**
 * Reads the keys in a file, one per line.
 * @throws CliError `ERR_CLI_FILE` if there is none
 */
export async function keysIn(file: string): Promise<readonly EncryptionKeyInput[]> {
  const keys = (await readText(file, 'the encryption key file'))
    .split(/[\s,]+/)
    .filter((line) => line !== '')
    .map(parseEncryptionKey);
  if (keys.length === 0)
    throw new CliError(
      'ERR_CLI_FILE',
      `the encryption key file ${file} is empty: create a key with acmex storage new-key`,
    );
  return keys;
}
