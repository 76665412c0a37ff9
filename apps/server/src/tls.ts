import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { decryptedPrivateKeyPem, parseChain, storedPem } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { issuersNamed, type Secret } from '@acmex/config';
import { errorCode, errorText } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { deployRecord } from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { chainsInUse } from '@acmex/orchestrator';
import { ServerError } from './errors.ts';
import type { Log } from './log.ts';

export interface TlsOptions {
  /** Whose configuration says it, and which keeps the certificate where it manages its own. */
  readonly manager: () => ConfiguredManager;
  /** Has what is due done now. */
  readonly wake: () => void;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
}

/** What the server shows of itself, and how that changes. */
export interface ServerCertificate {
  /** PEM */
  readonly first: SecureContextOptions;
  /** Shows what is there now, and what comes, until the signal aborts. */
  follow(server: Server): void;
  /** ScanScheduler for another now. */
  refresh(): Promise<void>;
}

const often = { seconds: 30 };

/**
 * The server's certificate: of files, or one that it keeps current itself, which is waited for.
 * @returns undefined without `server.tls`
 * @throws ServerError `ERR_SERVER_TLS`
 */
export async function serverCertificate({
  manager,
  wake,
  log,
  signal,
  clock = systemClock,
}: TlsOptions): Promise<ServerCertificate | undefined> {
  const read = async (): Promise<SecureContextOptions | undefined> => {
    const { tls } = manager().config.values.server;
    return tls?.managed === undefined
      ? tls && (await ofFiles(tls))
      : await managed(manager(), tls.managed);
  };
  if (!manager().config.values.server.tls) return undefined;
  let first = await read();
  if (!first)
    log({
      level: 'info',
      msg: `waiting for the server's own certificate, for ${manager().config.values.server.tls?.managed}`,
    });
  wake();
  for (; !first; first = await read()) await clock.sleep({ milliseconds: 500 }, { signal });
  let [served, server] = [JSON.stringify(first), undefined as Server | undefined];
  const refresh = async () => {
    const next = await read();
    if (!next || JSON.stringify(next) === served) return;
    server?.setSecureContext({ ...next, minVersion: 'TLSv1.2' });
    served = JSON.stringify(next);
    log({ level: 'info', msg: 'the server shows another certificate' });
  };
  return {
    first,
    refresh,
    follow(listeningServer) {
      server = listeningServer;
      void (async () => {
        for (;;) {
          await clock.sleep(often, { signal });
          await refresh().catch((error: unknown) =>
            log({
              level: 'error',
              msg: `the server continues with its current certificate: ${errorText(error)}`,
            }),
          );
        }
      })().catch(() => {
        /* the server was stopped */
      });
    },
  };
}

async function ofFiles({
  certificate = '',
  key = '',
  passphrase,
}: {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: Secret | undefined;
}): Promise<SecureContextOptions> {
  const cert = await contentOf(certificate);
  const privateKey = clearKey(key, await contentOf(key), await passphrase?.reveal());
  const options = { cert, key: privateKey };
  try {
    createSecureContext(options);
    // A context takes an empty file for no certificate, and serves nothing.
    parseChain(cert);
  } catch (cause) {
    throw new ServerError(
      'ERR_SERVER_TLS',
      `${certificate} and ${key} are not a certificate and its key: check that server.tls names both as PEM`,
      { cause },
    );
  }
  return options;
}

/** @throws ServerError `ERR_SERVER_TLS` for a key that cannot be read, or decrypted */
function clearKey(file: string, pem: string, passphrase: string | undefined): string {
  try {
    return Buffer.from(decryptedPrivateKeyPem(Buffer.from(pem), passphrase)).toString();
  } catch (cause) {
    const isMissing = errorCode(cause) === 'ERR_KEY_PASSPHRASE_MISSING';
    const text = isMissing
      ? 'the key is encrypted: set server.tls.passphrase, for example to { file = "/path" } or { env = "NAME" }'
      : errorText(cause);
    throw new ServerError('ERR_SERVER_TLS', `${file}: ${text}`, { cause });
  }
}

/** @throws ServerError `ERR_SERVER_TLS` */
async function contentOf(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ServerError(
      'ERR_SERVER_TLS',
      `the file ${file} of server.tls cannot be read: ${fileErrorText(cause)}`,
      { cause },
    );
  });
}

/** Returns undefined until it is issued. Adds the certificate where it is not managed yet. */
async function managed(
  { provisioner, config }: ConfiguredManager,
  name: string,
): Promise<SecureContextOptions | undefined> {
  const { certificates } = provisioner;
  for await (const { id, current } of certificates.byName(name)) {
    const content = current && (await certificates.generation(id, current.generation));
    const all = content ? chainsInUse(content) : [];
    return (
      content && {
        cert: all.map(({ chain }) => chain),
        key: all.map(({ privateKey }) => storedPem(privateKey, `the key of ${id}`)),
      }
    );
  }
  const [issuer, ...fallbacks] = issuersNamed(config);
  await provisioner.declare(
    {
      names: [name],
      issuer: issuer.name,
      fallbackIssuers: fallbacks.map((fallback) => fallback.name),
      keyType: 'ec-p256',
      deploy: deployRecord([{ general: true }]),
    },
    { keep: ['issuer', 'fallbackIssuers', 'keyType', 'deploy'] },
  );
  return undefined;
}
