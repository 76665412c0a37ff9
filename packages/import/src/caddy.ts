import { join } from 'node:path';
import type {
  ClientAccount,
  ClientCa,
  ClientCertificate,
  ClientDirectory,
  Omission,
} from './client-directory.ts';
import { namesIn, readAccountKey, readCertificate, readJson } from './client-files.ts';
import { collect } from './collect.ts';
import { ImportError } from './errors.ts';

/** Caddy issues these itself, for names that no public CA knows. */
const ownIssuer = 'local';

/**
 * Reads the data directory of Caddy, in the layout of certmagic: `certificates/<CA>/<name>/` and
 * `acme/<CA>/users/<email>/`.
 */
export async function readCaddy(directory: string): Promise<Omit<ClientDirectory, 'client'>> {
  const certificates = await foldersOf(join(directory, 'certificates'));
  const users = await foldersOf(join(directory, 'acme'), 'users');
  const cas = await casOf(directory, { certificates, users });
  const accounts = await collect(
    'account',
    users,
    async (id) => await accountAt(directory, id, cas),
  );
  const collected = await collect(
    'certificate',
    certificates,
    async (id) => await certificateAt(directory, id, { cas, accounts: accounts.entries }),
  );
  return {
    accounts: accounts.entries,
    certificates: collected.entries,
    failures: [...accounts.failures, ...collected.failures],
  };
}

/** The CA of each folder that Caddy names after one. */
type Cas = ReadonlyMap<string, ClientCa>;

/** Returns `CA/name` for each folder below each folder of a CA. */
async function foldersOf(folder: string, ...below: readonly string[]): Promise<readonly string[]> {
  const folders: string[] = [];
  for (const issuer of await namesIn(folder, { kind: 'directory' }))
    for (const name of await namesIn(join(folder, issuer, ...below), { kind: 'directory' }))
      folders.push(`${issuer}/${name}`);
  return folders;
}

/**
 * Returns the CAs of the folders. Caddy 2.8 and later store the URL of the directory; else the URL of
 * a certificate or of an account has the host.
 */
async function casOf(
  directory: string,
  { certificates, users }: Readonly<Record<'certificates' | 'users', readonly string[]>>,
): Promise<Cas> {
  const cas = new Map<string, ClientCa>();
  const add = (id: string, url: string | undefined) => {
    if (url !== undefined) cas.set(issuerOf(id), { host: new URL(url).host });
  };
  for (const id of users) add(id, await accountUrl(directory, id).catch(() => undefined));
  const contents = await Promise.all(
    certificates.map(
      async (id) => [id, await issuerData(directory, id).catch(() => unreadable)] as const,
    ),
  );
  for (const [id, { url }] of contents) add(id, urlOf(url));
  for (const [id, { ca }] of contents)
    if (urlOf(ca) !== undefined) cas.set(issuerOf(id), { directory: String(ca) });
  return cas;
}

function issuerOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}

function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

/** The reader of the certificate or account reports what is wrong with its file. */
const unreadable: Readonly<Record<string, unknown>> = {};

async function issuerData(
  directory: string,
  id: string,
): Promise<Readonly<Record<string, unknown>>> {
  const file = join(directory, 'certificates', id, `${nameOf(id)}.json`);
  const { issuer_data: data } = await readJson(file);
  return Object(data);
}

async function accountUrl(directory: string, id: string): Promise<string | undefined> {
  const file = userFile(directory, id, 'json');
  const { location, Registration: registration } = await readJson(file);
  return urlOf(location) ?? urlOf((Object(registration) as { readonly uri?: unknown }).uri);
}

/** Caddy names the files of an account after the part of the address before the `@`. */
function userFile(directory: string, id: string, end: 'json' | 'key'): string {
  const email = nameOf(id);
  const at = email.indexOf('@');
  const user = at > 0 ? email.slice(0, at) : email;
  return join(directory, 'acme', issuerOf(id), 'users', email, `${user}.${end}`);
}

function urlOf(value: unknown): string | undefined {
  return typeof value === 'string' && URL.canParse(value) ? value : undefined;
}

async function accountAt(directory: string, id: string, cas: Cas): Promise<ClientAccount> {
  const key = await readAccountKey(userFile(directory, id, 'key'));
  const url = await accountUrl(directory, id);
  return { id, ca: cas.get(issuerOf(id)) ?? { host: issuerOf(id) }, url, key };
}

async function certificateAt(
  directory: string,
  id: string,
  { cas, accounts }: { readonly cas: Cas; readonly accounts: readonly ClientAccount[] },
): Promise<ClientCertificate> {
  const [issuer, name] = [issuerOf(id), nameOf(id)];
  if (issuer === ownIssuer)
    throw new ImportError(
      'ERR_IMPORT_CERTIFICATE',
      `the own CA of Caddy issued ${name}, and no ACME CA renews it: leave it to Caddy`,
    );
  const at = (end: string) => join(directory, 'certificates', id, `${name}.${end}`);
  const content = await readCertificate([at('crt')], at('key'));
  const { account: url } = await issuerData(directory, id);
  const candidates = accounts.filter((account) => account.id.startsWith(`${issuer}/`));
  const account = candidates.find((candidate) => candidate.url === url) ?? candidates[0];
  const isUnsure = candidates.length > 1 && account?.url !== url;
  return {
    name,
    ...content,
    ca: cas.get(issuer),
    account: account?.id,
    deploy: [],
    omitted: [...omitted, ...(isUnsure ? [unsureAccount(candidates.length, account)] : [])],
  };
}

const omitted: readonly Omission[] = [
  {
    setting: 'challenge',
    reason:
      'Caddy answers challenges itself, on the ports 80 and 443: use --webroot with a directory that Caddy serves, or --dns-provider',
  },
  {
    setting: 'tls',
    reason:
      'Caddy still uses its own certificate: name files of AcmeX in its Caddyfile, as in tls /etc/ssl/site.pem /etc/ssl/site.key, and write them with acmex obtain --cert-path --key-path',
  },
];

function unsureAccount(count: number, account: ClientAccount | undefined): Omission {
  const reason = `Caddy does not store which of ${count} accounts at this CA is used: renewals use ${account?.id}`;
  return { setting: 'account', reason };
}
