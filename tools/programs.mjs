// The programs that tests and the demonstration need, and where they come from.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @type {Record<string, { debian: string, elsewhere: string }>} */
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
  },
  'redis-server': {
    debian: 'redis-server',
    elsewhere: "install Redis 7 with your system's package manager",
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
  'systemd-analyze': { debian: 'systemd', elsewhere: 'take a Linux that systemd runs' },
  openssl: { debian: 'openssl', elsewhere: "install OpenSSL 3 with your system's package manager" },
};

/** Whether a program can be found on the PATH. */
export function isInstalled(name, path = process.env.PATH ?? '') {
  return [...path.split(delimiter), '/usr/sbin'].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function missing() {
  return Object.keys(programs).filter((name) => !isInstalled(name));
}

/** How to get a program, in words. */
export function howToInstall(name) {
  return `${name} is not installed: apt-get install ${programs[name].debian}, or ${programs[name].elsewhere}`;
}
