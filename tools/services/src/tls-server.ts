import { once } from 'node:events';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { ProgramError, type ProgramOptions, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface TlsServerOptions {
  /** The certificate with its chain, PEM. */
  readonly chain: string;
  /** The private key, PEM. */
  readonly privateKey: string;
  /** An OCSP response to staple, DER: by openssl and nginx alone. */
  readonly ocspResponse?: Uint8Array;
}

/** A server at 127.0.0.1. */
export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  /** Where its `configuration` is, with `chain.pem` and `key.pem`; of Apache `site.pem`. */
  readonly folder: string;
}

/** What a server is prepared with: a folder with `chain.pem` and `key.pem`, and its port. */
export interface TlsServerFiles {
  readonly folder: string;
  readonly port: number;
  readonly isStapling: boolean;
}

/** How a server is started. It is ready when it accepts connections, and `ready` says so. */
export interface TlsServerStart extends Pick<ProgramOptions, 'command' | 'args' | 'env' | 'user'> {
  /** What its file `configuration` contains. */
  readonly configuration?: string;
  readonly ready?: (log: string) => boolean;
  /** Called when the files are written, before the program is started. */
  readonly prepare?: () => Promise<unknown>;
}

/** Starts `openssl s_server`. */
export async function startOpensslServer(options: TlsServerOptions): Promise<TlsServer> {
  return await startTlsServer(options, ({ port, isStapling }) => ({
    command: 'openssl',
    args: [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-quiet', '-no_ign_eof'],
      ...['-cert', 'chain.pem', '-cert_chain', 'chain.pem', '-key', 'key.pem'],
      ...(isStapling ? ['-status_file', 'ocsp.der'] : []),
    ],
    configuration: '',
  }));
}

/** Starts nginx, which serves nothing but TLS. */
export async function startNginx(options: TlsServerOptions): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port, isStapling }) => ({
    command: 'nginx',
    args: ['-p', folder, '-c', join(folder, 'configuration'), '-e', 'stderr'],
    configuration: `
daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr notice;
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

/**
 * Starts Apache, which serves nothing but TLS, with the certificate of `site.pem`. It asks a
 * responder for what it staples.
 */
export async function startApache({
  responderUrl,
  ...options
}: TlsServerOptions & {
  /** Where it asks for the OCSP response; it staples none by default. */
  readonly responderUrl?: string;
}): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port }) => ({
    command: 'apache2',
    // The programs that write its log work in the folder after -d, and may end a moment after it.
    args: ['-D', 'FOREGROUND', '-d', '/', '-f', join(folder, 'configuration')],
    configuration: `
ServerName leaf.test
Listen 127.0.0.1:${port}
User #65534
Group nogroup
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog "|$cat >&2"
LogLevel notice
${['mpm_event', 'authz_core', 'socache_shmcb', 'ssl'].map(apacheModule).join('\n')}
SSLEngine on
SSLCertificateFile ${folder}/site.pem
SSLStaplingCache shmcb:${folder}/stapling
${responderUrl ? `SSLUseStapling on\nSSLStaplingForceURL ${responderUrl}` : ''}
`,
    prepare: async () => await writeBundle(join(folder, 'site.pem'), options),
    // Before that it opens its port, and closes it again.
    ready: (log) => log.includes('resuming normal operations'),
  }));
}

/**
 * Starts HAProxy, which serves the certificates of the folder `certificates`: at first `site.pem`.
 * The stats socket is `socket`, one that permits no changes `reader`, and one with a port
 * `127.0.0.1:statsPort`.
 */
export async function startHaproxy({
  statsPort,
  ...options
}: TlsServerOptions & { readonly statsPort: number }): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port }) => ({
    command: 'haproxy',
    args: ['-db', '-f', join(folder, 'configuration')],
    configuration: `
global
  stats socket ${folder}/socket mode 600 level admin
  stats socket ${folder}/reader mode 600 level user
  stats socket ipv4@127.0.0.1:${statsPort} level admin
defaults
  mode http
  timeout connect 20s
  timeout client 20s
  timeout server 20s
frontend tls
  bind 127.0.0.1:${port} ssl crt ${folder}/certificates/
`,
    prepare: async () => {
      await mkdir(join(folder, 'certificates'));
      await writeBundle(join(folder, 'certificates/site.pem'), options);
    },
  }));
}

/** Writes key, certificate and chain to one file. */
async function writeBundle(
  path: string,
  { chain, privateKey }: Pick<TlsServerOptions, 'chain' | 'privateKey'>,
): Promise<void> {
  await writeFile(path, privateKey + chain, { mode: 0o600 });
}

function apacheModule(name: string): string {
  return `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`;
}

/** Starts a server on a free port; again on a different port when that one was taken. */
export async function startTlsServer(
  options: TlsServerOptions,
  prepare: (files: TlsServerFiles) => TlsServerStart,
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
  options: TlsServerOptions,
  prepare: (files: TlsServerFiles) => TlsServerStart,
): Promise<TlsServer> {
  const resources = opened();
  try {
    const { path: folder } = resources.use(await temporaryFolder('tls-server'));
    const isStapling = options.ocspResponse !== undefined;
    const start = prepare({ folder, port, isStapling });
    await writeFiles(folder, options, start);
    await start.prepare?.();
    const { ready = () => true } = start;
    const answers = (signalled: { readonly signal: AbortSignal }) => connects(port, signalled);
    resources.use(await startProgram({ ...start, ready, answers, cwd: folder }));
    return { port, folder, [Symbol.asyncDispose]: () => resources.close() };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

async function writeFiles(
  folder: string,
  { chain, privateKey, ocspResponse }: TlsServerOptions,
  { configuration, user }: TlsServerStart,
): Promise<void> {
  const files = Object.entries({
    'chain.pem': chain,
    'key.pem': privateKey,
    'ocsp.der': ocspResponse,
    configuration,
  });
  if (user !== undefined) await chown(folder, user, user);
  for (const [name, content] of files) {
    if (content === undefined) continue;
    await writeFile(join(folder, name), content, { mode: 0o600 });
    if (user !== undefined) await chown(join(folder, name), user, user);
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
