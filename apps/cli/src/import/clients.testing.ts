import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, startProgram } from '@acmex/services';

const exec = promisify(execFile);

/** Where a client obtains its certificate. */
export interface ClientPlace {
  readonly directory: string;
  /** A file with the root of the CA's HTTPS server. */
  readonly rootFile: string;
  /** The directory of the client. */
  readonly folder: string;
  readonly webroot: string;
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await exec(command, [...args], {
    env: { ...process.env, ...env },
    timeout: 60_000,
    maxBuffer: 1e7,
  }).catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`${command}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
}

/** Runs certbot in the directory of one that has obtained a certificate. */
export async function certbot(
  { folder, rootFile }: Pick<ClientPlace, 'folder' | 'rootFile'>,
  ...args: readonly string[]
): Promise<void> {
  await run(
    'certbot',
    [
      ...args,
      ...['--non-interactive', '--no-random-sleep-on-renew', '--config-dir', folder],
      ...['--work-dir', `${folder}.work`, '--logs-dir', `${folder}.log`],
    ],
    { REQUESTS_CA_BUNDLE: rootFile },
  );
}

/** Real clients of other authors, each as its users call it for the first certificate. */
export const clients = {
  async certbot({ directory, rootFile, folder, webroot }: ClientPlace, name: string) {
    await run(
      'certbot',
      [
        ...['certonly', '--webroot', '--webroot-path', webroot, '-d', name, '-d', `www.${name}`],
        ...['--agree-tos', '--email', 'admin@import.test', '--no-eff-email', '--non-interactive'],
        ...['--config-dir', folder, '--work-dir', `${folder}.work`, '--logs-dir', `${folder}.log`],
        ...['--server', directory, '--deploy-hook', '/bin/true deployed'],
      ],
      { REQUESTS_CA_BUNDLE: rootFile },
    );
  },
  async lego({ directory, rootFile, folder, webroot }: ClientPlace, name: string) {
    await run(
      'lego',
      [
        ...['--server', directory, '--accept-tos', '--email', 'admin@import.test'],
        ...['--path', folder, '--domains', name, '--http', '--http.webroot', webroot, 'run'],
      ],
      { LEGO_CA_CERTIFICATES: rootFile },
    );
  },
  async dehydrated({ directory, rootFile, folder, webroot }: ClientPlace, name: string) {
    await mkdir(folder, { recursive: true });
    const config = join(folder, 'config');
    await writeFile(
      config,
      `CA="${directory}"\nBASEDIR="${folder}"\nWELLKNOWN="${webroot}/.well-known/acme-challenge"\nCURL_OPTS="--cacert ${rootFile}"\nKEY_ALGO=prime256v1\nACCOUNT_KEYSIZE=2048\n`,
    );
    await run('dehydrated', ['--register', '--accept-terms', '--config', config]);
    await run('dehydrated', ['--cron', '--domain', name, '--config', config]);
  },
  async caddy({ directory, rootFile, folder }: ClientPlace, name: string) {
    const [httpPort, httpsPort] = [await freePort(), await freePort()];
    const configFile = `${folder}.Caddyfile`;
    await writeFile(
      configFile,
      `{
  admin off
  storage file_system ${folder}
  acme_ca ${directory}
  acme_ca_root ${rootFile}
  email admin@import.test
  http_port ${httpPort}
  https_port ${httpsPort}
}
${name} {
  respond "ok"
}
`,
    );
    const caddy = await startProgram({
      command: 'caddy',
      args: ['run', '--config', configFile, '--adapter', 'caddyfile'],
      env: { HOME: `${folder}.home`, XDG_CONFIG_HOME: `${folder}.home` },
      ready: (log) => log.includes('certificate obtained successfully'),
    });
    await caddy[Symbol.asyncDispose]();
  },
};

/**
 * Writes the home directory of acme.sh, which is not installed, with the account and the
 * certificate that lego has.
 */
export async function writeAcmeSh(
  { directory, folder, webroot }: Omit<ClientPlace, 'rootFile'>,
  { lego, name }: { readonly lego: string; readonly name: string },
): Promise<void> {
  const { hostname, host, pathname } = new URL(directory);
  const account = join(lego, 'accounts', host.replace(':', '_'), 'admin@import.test');
  const read = async (...names: readonly string[]) => await readFile(join(...names), 'utf8');
  const { registration } = JSON.parse(await read(account, 'account.json')) as {
    readonly registration: { readonly uri: string };
  };
  const ca = join(folder, 'ca', hostname, pathname);
  const certificate = join(folder, `${name}_ecc`);
  await mkdir(ca, { recursive: true });
  await mkdir(certificate, { recursive: true });
  const files = {
    [join(folder, 'account.conf')]: "ACCOUNT_EMAIL='admin@import.test'\n",
    [join(ca, 'account.key')]: await read(account, 'keys', 'admin@import.test.key'),
    [join(ca, 'ca.conf')]: `ACCOUNT_URL='${registration.uri}'\n`,
    [join(certificate, `${name}.conf`)]:
      `Le_Domain='${name}'\nLe_Alt='no'\nLe_Webroot='${webroot}'\nLe_API='${directory}'\nLe_Keylength='ec-256'\n`,
    [join(certificate, `${name}.key`)]: await read(lego, 'certificates', `${name}.key`),
    [join(certificate, 'fullchain.cer')]: await read(lego, 'certificates', `${name}.crt`),
  };
  for (const [path, text] of Object.entries(files)) await writeFile(path, text);
}

/** Returns a digest of every file and link below a directory, with the times of its files. */
export async function digestOf(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.sort((a, b) =>
    join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
  )) {
    const path = join(entry.parentPath, entry.name);
    const { mtimeMs, mode } = await lstat(path);
    hash.update(`${path} ${mode} ${entry.isFile() ? mtimeMs : ''}`);
    if (entry.isFile()) hash.update(await readFile(path));
    if (entry.isSymbolicLink()) hash.update(await readlink(path));
  }
  return hash.digest('hex');
}
