import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  type AcmeServer,
  acmeServer,
  type AcmeServerOptions,
  type Issuer,
  nodeHandler,
  ownCertificate,
} from '@acmex/ca';
import { systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { CliError } from '../errors.ts';

export interface ServerPlace {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Under which clients reach it; `https://HOST:PORT/acme` by default. */
  readonly url?: string | undefined;
  /** PEM, where the CA is not to make its own. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
}

export interface RunningServer extends AsyncDisposable {
  readonly directory: string;
  readonly port: number;
}

/** Starts the ACME server of a CA over https, with a certificate of its own that is renewed in time. */
export async function startServer(
  { issuer, ...options }: Omit<AcmeServerOptions, 'url'> & { readonly issuer: Issuer },
  { host, port, url, tls }: ServerPlace,
): Promise<RunningServer> {
  const server = createServer();
  const bound = await listening(server, host, port);
  const base = url ?? `https://${host.includes(':') ? `[${host}]` : host}:${bound}/acme`;
  const ended = new AbortController();
  let acme: AcmeServer | undefined;
  const close = async () => {
    ended.abort('closing');
    server.close();
    server.closeAllConnections();
    await acme?.[Symbol.asyncDispose]();
  };
  try {
    if (tls) server.setSecureContext({ cert: tls.certificate, key: tls.key });
    else
      await secured(server, { issuer, url: base, signal: ended.signal, onError: options.onError });
    acme = acmeServer({ ...options, issuer, url: base });
    server.on('request', nodeHandler(acme.handler));
    return { directory: acme.directory, port: bound, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Securing {
  readonly issuer: Issuer;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly onError: AcmeServerOptions['onError'];
}

/** The server's own certificate: now, and again when half of its life is over. */
async function secured(server: Server, { issuer, url, signal, onError }: Securing): Promise<void> {
  const { hostname } = new URL(url);
  const local =
    hostname === '127.0.0.1' && issuer.permits({ type: 'dns', value: 'localhost' })
      ? ['localhost']
      : [];
  const names = [hostname.replace(/^\[|\]$/g, ''), ...local];
  const renew = async () => {
    const { chain, key, notAfter } = await ownCertificate({ issuer, names, url });
    server.setSecureContext({ cert: chain, key: Buffer.from(key) });
    return systemClock.now().until(notAfter).total('milliseconds') / 2;
  };
  let pause = await renew();
  void (async () => {
    for (;;) {
      await systemClock.sleep({ milliseconds: Math.max(1000, Math.floor(pause)) }, { signal });
      pause = await renew().catch((error: unknown) => {
        onError({
          during: "renewing the server's own certificate",
          correlationId: 'own-certificate',
          error,
        });
        return 60_000;
      });
    }
  })().catch(() => {
    /* the server was closed */
  });
}

async function listening(server: Server, host: string, port: number): Promise<number> {
  try {
    await once(server.listen({ host, port }), 'listening');
    return (server.address() as AddressInfo).port;
  } catch (cause) {
    const why =
      {
        EADDRINUSE: 'another program listens there',
        EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE',
        EADDRNOTAVAIL: 'this machine has no such address',
      }[errorCode(cause) ?? ''] ?? String(cause);
    throw new CliError('ERR_CLI_LISTEN', `${host} port ${port} cannot be listened on: ${why}`, {
      cause,
    });
  }
}
