import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
// eslint-disable-next-line @nx/enforce-module-boundaries -- one table for the tests and for the scripts that run before anything is installed
import { locate } from '../../programs.mjs';
import { hostileUserId } from './hostile-user.ts';
import { startTlsServer, type TlsServer, type TlsServerOptions } from './tls-server.ts';

const run = promisify(execFile);

/** Starts Dovecot, which speaks IMAP or POP3 with STARTTLS. */
export async function startDovecot({
  protocol = 'imap',
  ...options
}: TlsServerOptions & { readonly protocol?: 'imap' | 'pop3' }): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port }) => ({
    command: 'dovecot',
    args: ['-F', '-c', join(folder, 'configuration')],
    configuration: `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = ${protocol}
listen = 127.0.0.1
ssl = yes
ssl_cert = <${folder}/chain.pem
ssl_key = <${folder}/key.pem
service ${protocol}-login {
  chroot =
  inet_listener ${protocol} {
    port = ${port}
  }
  inet_listener ${protocol}s {
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

/** Starts Postfix, which speaks SMTP with STARTTLS and accepts no mail. Only root can start it. */
export async function startPostfix(options: TlsServerOptions): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port }) => ({
    command: locate('postfix') ?? 'master',
    // With `-s` it has a session of its own, which it ends as a whole.
    args: ['-s', '-c', join(folder, 'postfix')],
    prepare: () => preparePostfix(folder, port),
  }));
}

/** Makes the folders that the command `postfix check` makes in three seconds. */
async function preparePostfix(folder: string, port: number): Promise<void> {
  const { uid } = await stat('/var/lib/postfix');
  const at = (...names: readonly string[]) => join(folder, 'postfix', ...names);
  await chmod(folder, 0o755);
  for (const name of ['pid', 'public', 'private'])
    await mkdir(at('queue', name), { recursive: true });
  await mkdir(at('data'));
  for (const path of [at('data'), at('queue', 'public'), at('queue', 'private')])
    await chown(path, uid, 0);
  await writeFile(
    at('main.cf'),
    `
compatibility_level = 3.6
queue_directory = ${at('queue')}
data_directory = ${at('data')}
maillog_file = ${at('log')}
maillog_file_prefixes = ${folder}
myhostname = mail.test
inet_interfaces = 127.0.0.1
notify_classes =
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = reject
smtpd_tls_chain_files = ${folder}/key.pem, ${folder}/chain.pem
smtpd_tls_security_level = may
`,
  );
  await writeFile(
    at('master.cf'),
    `
127.0.0.1:${port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
`,
  );
}

/** Starts slapd of OpenLDAP, which serves no entries. */
export async function startSlapd(options: TlsServerOptions): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port }) => ({
    command: 'slapd',
    args: ['-h', `ldap://127.0.0.1:${port}`, '-f', join(folder, 'configuration'), '-d', '256'],
    configuration: `
TLSCertificateFile ${folder}/chain.pem
TLSCertificateKeyFile ${folder}/key.pem
pidfile ${folder}/pid
`,
    ready: (log) => log.includes('slapd starting'),
  }));
}

/** Starts PostgreSQL with an empty database. Root starts it as the user `nobody`. */
export async function startPostgresql(options: TlsServerOptions): Promise<TlsServer> {
  const user = process.getuid?.() === 0 ? hostileUserId : undefined;
  const initdb = locate('postgresql') ?? 'initdb';
  return await startTlsServer(options, ({ folder, port }) => ({
    user,
    prepare: () =>
      run(initdb, ['-D', 'data', '--no-sync', '--no-locale', '--auth=trust', '--username=test'], {
        cwd: folder,
        ...(user !== undefined && { uid: user, gid: user }),
      }),
    command: join(initdb, '../postgres'),
    args: Object.entries({
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      ssl: 'on',
      ssl_cert_file: join(folder, 'chain.pem'),
      ssl_key_file: join(folder, 'key.pem'),
    }).reduce(
      (args, [name, value]) => [...args, '-c', `${name}=${value}`],
      ['-D', 'data', '-p', String(port)],
    ),
    ready: (log) => log.includes('ready to accept connections'),
  }));
}

/** Starts MariaDB without a database, which is enough for its greeting and TLS. */
export async function startMariadb(options: TlsServerOptions): Promise<TlsServer> {
  return await startTlsServer(options, ({ folder, port }) => ({
    command: 'mariadbd',
    args: [
      ...['--no-defaults', `--port=${port}`, '--bind-address=127.0.0.1', `--datadir=${folder}`],
      ...[`--socket=${folder}/socket`, `--pid-file=${folder}/pid`],
      ...['--skip-grant-tables', '--skip-innodb', '--default-storage-engine=MyISAM'],
      ...[`--ssl-cert=${folder}/chain.pem`, `--ssl-key=${folder}/key.pem`],
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    ],
    ready: (log) => log.includes('ready for connections'),
  }));
}
