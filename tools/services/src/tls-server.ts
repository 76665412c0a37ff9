import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { ProgramError, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface TlsServerOptions {
  /** The certificate with its chain, PEM. */
  readonly chain: string;
  /** The private key, PEM. */
  readonly privateKey: string;
  /** An OCSP response to staple, DER. Dovecot staples none. */
  readonly ocspResponse?: Uint8Array;
}

/** A server at 127.0.0.1. */
export interface TlsServer extends AsyncDisposable {
  readonly port: number;
}

interface Files {
  readonly folder: string;
  readonly port: number;
  readonly isStapling: boolean;
}

interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly configuration: string;
  readonly ready: (log: string) => boolean;
}

/** Starts `openssl s_server`. */
export async function startOpensslServer(options: TlsServerOptions): Promise<TlsServer> {
  return await start(options, ({ port, isStapling }) => ({
    command: 'openssl',
    args: [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-quiet', '-no_ign_eof'],
      ...['-cert', 'chain.pem', '-cert_chain', 'chain.pem', '-key', 'key.pem'],
      ...(isStapling ? ['-status_file', 'ocsp.der'] : []),
    ],
    configuration: '',
    ready: () => true,
  }));
}

/** Starts nginx, which serves nothing but TLS. */
export async function startNginx(options: TlsServerOptions): Promise<TlsServer> {
  return await start(options, ({ folder, port, isStapling }) => ({
    command: 'nginx',
    args: ['-p', folder, '-c', join(folder, 'configuration'), '-e', 'stderr'],
    configuration: `
daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
events {}
http {
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/chain.pem; ssl_certificate_key ${folder}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ${isStapling ? `ssl_stapling on; ssl_stapling_file ${folder}/ocsp.der;` : ''}
  }
}`,
    ready: (log) => log.includes('nginx/'),
  }));
}

/** Starts Dovecot, which speaks IMAP with STARTTLS. */
export async function startDovecot(options: TlsServerOptions): Promise<TlsServer> {
  return await start(options, ({ folder, port }) => ({
    command: 'dovecot',
    args: ['-F', '-c', join(folder, 'configuration')],
    configuration: `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <${folder}/chain.pem
ssl_key = <${folder}/key.pem
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
passdb {
  driver = static
}
`,
    ready: (log) => log.includes('starting up'),
  }));
}

async function start(
  options: TlsServerOptions,
  prepare: (files: Files) => Start,
): Promise<TlsServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startAt(await freePort(), options, prepare);
    } catch (error) {
      const isPortTaken = error instanceof ProgramError && /in use/i.test(error.log);
      if (!isPortTaken || attempt === 5) throw error;
    }
  }
}

async function startAt(
  port: number,
  { chain, privateKey, ocspResponse }: TlsServerOptions,
  prepare: (files: Files) => Start,
): Promise<TlsServer> {
  const resources = opened();
  try {
    const { path: folder } = resources.use(await temporaryFolder('tls-server'));
    const isStapling = ocspResponse !== undefined;
    const { configuration, ...program } = prepare({ folder, port, isStapling });
    await writeFile(join(folder, 'chain.pem'), chain);
    await writeFile(join(folder, 'key.pem'), privateKey);
    await writeFile(join(folder, 'configuration'), configuration);
    if (ocspResponse) await writeFile(join(folder, 'ocsp.der'), ocspResponse);
    resources.use(
      await startProgram({
        ...program,
        cwd: folder,
        answers: (options) => connects(port, options),
      }),
    );
    return { port, [Symbol.asyncDispose]: () => resources.close() };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

async function connects(port: number, options: { readonly signal: AbortSignal }): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect', options);
  } finally {
    socket.destroy();
  }
}
