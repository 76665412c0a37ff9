// The programs that the tests and the benchmark start, and how to install each.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * `debian` is the package to install. `program` is the name of the file, the key by default. `needs`
 * is what the tests use of a program that a system may package separately: the program counts as
 * installed if it prints that text with these arguments. `root` is set where only root can start it.
 *
 * @type {Record<string, { debian: string, elsewhere: string, program?: string, root?: true, needs?:
 * { args: string[], text: string } }>}
 */
export const programs = {
  pebble: {
    debian: 'pebble',
    elsewhere: 'go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest',
  },
  'pebble-challtestsrv': {
    debian: 'pebble',
    elsewhere: 'go install github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@latest',
  },
  named: { debian: 'bind9', elsewhere: "install BIND 9 with your system's package manager" },
  nsupdate: {
    debian: 'bind9-dnsutils',
    elsewhere: "install BIND 9 with your system's package manager",
  },
  pdns_server: {
    debian: 'pdns-backend-lmdb',
    elsewhere:
      "install PowerDNS 4.7 or later, with its LMDB backend, with your system's package manager",
    needs: { args: ['--no-config', '--list-modules'], text: 'lmdb' },
  },
  'redis-server': {
    debian: 'redis-server',
    elsewhere: "install Redis 7 with your system's package manager",
  },
  prometheus: {
    debian: 'prometheus',
    elsewhere: "install Prometheus 2.42 or later with your system's package manager",
  },
  promtool: {
    debian: 'prometheus',
    elsewhere: "install Prometheus 2.42 or later with your system's package manager",
  },
  rsyslogd: {
    debian: 'rsyslog',
    elsewhere: "install rsyslog 8 with your system's package manager",
  },
  tinyproxy: {
    debian: 'tinyproxy-bin',
    elsewhere: "install tinyproxy with your system's package manager",
  },
  certbot: { debian: 'certbot', elsewhere: "install certbot with your system's package manager" },
  lego: { debian: 'lego', elsewhere: 'go install github.com/go-acme/lego/v4/cmd/lego@latest' },
  uacme: { debian: 'uacme', elsewhere: "install uacme with your system's package manager" },
  dehydrated: {
    debian: 'dehydrated',
    elsewhere: "install dehydrated with your system's package manager",
  },
  'acme-tiny': {
    debian: 'acme-tiny',
    elsewhere: "install acme-tiny with your system's package manager",
  },
  caddy: { debian: 'caddy', elsewhere: "install Caddy 2 with your system's package manager" },
  nginx: { debian: 'nginx', elsewhere: "install nginx with your system's package manager" },
  dovecot: {
    debian: 'dovecot-imapd',
    elsewhere: "install Dovecot 2.3 with your system's package manager",
  },
  'dovecot-pop3': {
    program: 'pop3-login',
    debian: 'dovecot-pop3d',
    elsewhere: "install Dovecot 2.3 with POP3 with your system's package manager",
  },
  apache2: {
    debian: 'apache2-bin',
    elsewhere: "install Apache 2.4 with your system's package manager",
  },
  haproxy: {
    debian: 'haproxy',
    elsewhere: "install HAProxy 2.6 or later with your system's package manager",
  },
  postfix: {
    program: 'master',
    root: true,
    debian: 'postfix',
    elsewhere: "install Postfix with your system's package manager",
  },
  ssh: {
    debian: 'openssh-client',
    elsewhere: "install the client of OpenSSH with your system's package manager",
  },
  sshd: {
    debian: 'openssh-server',
    elsewhere: "install the server of OpenSSH with your system's package manager",
  },
  'sftp-server': {
    debian: 'openssh-sftp-server',
    elsewhere: "install the server of OpenSSH with your system's package manager",
  },
  slapd: { debian: 'slapd', elsewhere: "install OpenLDAP with your system's package manager" },
  postgresql: {
    program: 'initdb',
    debian: 'postgresql',
    elsewhere: "install PostgreSQL with your system's package manager",
  },
  mariadb: {
    program: 'mariadbd',
    debian: 'mariadb-server-core',
    elsewhere: "install MariaDB with your system's package manager",
  },
  'systemd-analyze': { debian: 'systemd', elsewhere: 'use a Linux with systemd' },
  'systemd-socket-activate': { debian: 'systemd', elsewhere: 'use a Linux with systemd' },
  chromium: { debian: 'chromium', elsewhere: 'install Chromium 123 or later' },
  openssl: { debian: 'openssl', elsewhere: "install OpenSSL 3 with your system's package manager" },
  certutil: {
    debian: 'libnss3-tools',
    elsewhere: "install the tools of NSS with your system's package manager",
  },
  keytool: { debian: 'default-jre-headless', elsewhere: 'install Java 11 or later' },
  'update-ca-certificates': { debian: 'ca-certificates', elsewhere: 'use Debian or Ubuntu' },
  wrk: { debian: 'wrk', elsewhere: "install wrk with your system's package manager" },
  'softhsm2-util': {
    debian: 'softhsm2',
    elsewhere: "install SoftHSM 2 with your system's package manager",
  },
  'pkcs11-tool': {
    debian: 'opensc',
    elsewhere: "install OpenSC with your system's package manager",
  },
  'openssl-pkcs11': {
    program: 'openssl',
    debian: 'libengine-pkcs11-openssl',
    elsewhere: "install the engine pkcs11 of libp11 with your system's package manager",
    needs: { args: ['engine', 'pkcs11'], text: '(pkcs11) pkcs11 engine' },
  },
};

/** Returns whether a program is installed, with everything that the tests use of it. */
export function isInstalled(name, path) {
  const file = locate(name, path);
  return file !== undefined && hasWhatIsNeeded(file, programs[name]?.needs);
}

/** Returns the file of a program: on the PATH, or where Debian puts servers; undefined if absent. */
export function locate(name, path = process.env.PATH ?? '') {
  return [...path.split(delimiter), ...serverFolders()]
    .map((folder) => join(folder, programs[name]?.program ?? name))
    .find(isExecutable);
}

/** Folders of Debian's packages that are not on the PATH; the newest PostgreSQL first. */
function serverFolders() {
  return [
    ...['/usr/sbin', '/usr/lib/dovecot', '/usr/lib/postfix/sbin', '/usr/lib/openssh'],
    ...versionsIn('/usr/lib/postgresql').map((folder) => join(folder, 'bin')),
  ];
}

function versionsIn(folder) {
  try {
    const versions = readdirSync(folder).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(folder, version));
  } catch {
    return [];
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function hasWhatIsNeeded(file, needs) {
  if (needs === undefined) return true;
  const { stdout, stderr } = spawnSync(file, needs.args, { encoding: 'utf8', timeout: 60_000 });
  return `${stdout}${stderr}`.includes(needs.text);
}

/** Returns the names of the programs that are not installed. */
export function missing() {
  return Object.keys(programs).filter((name) => !isInstalled(name));
}

/** Returns a sentence that says how to install a program. */
export function howToInstall(name) {
  return `${name} is not installed: apt-get install ${programs[name].debian}, or ${programs[name].elsewhere}`;
}

/** Returns why tests cannot start a program, as a sentence; undefined if they can. */
export function whyUnusable(name) {
  if (!isInstalled(name)) return howToInstall(name);
  const isRootMissing = programs[name]?.root && process.getuid?.() !== 0;
  return isRootMissing ? `${name} can only be started by root` : undefined;
}
