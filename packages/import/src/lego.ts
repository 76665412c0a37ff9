import { join } from 'node:path';
import type {
  ClientAccount,
  ClientCa,
  ClientCertificate,
  ClientDirectory,
} from './client-directory.ts';
import { namesIn, readAccountKey, readCertificate, readJson, readText } from './client-files.ts';
import { collect } from './collect.ts';

/** Reads the directory of lego, by default .lego. */
export async function readLego(directory: string): Promise<Omit<ClientDirectory, 'client'>> {
  const accounts = join(directory, 'accounts');
  const folders: string[] = [];
  for (const host of await namesIn(accounts, { kind: 'directory' }))
    for (const email of await namesIn(join(accounts, host), { kind: 'directory' }))
      folders.push(`${host}/${email}`);
  const collected = await collect('account', folders, async (id) => await accountOf(accounts, id));
  const files = await namesIn(join(directory, 'certificates'), { kind: 'file' });
  const certificates = await collect(
    'certificate',
    files
      .filter((file) => file.endsWith('.crt') && !file.endsWith('.issuer.crt'))
      .map((file) => file.slice(0, -'.crt'.length)),
    async (name) => await certificateOf(directory, name, { files, accounts: collected.entries }),
  );
  return {
    accounts: collected.entries,
    certificates: certificates.entries,
    failures: [...collected.failures, ...certificates.failures],
  };
}

async function accountOf(accounts: string, id: string): Promise<ClientAccount> {
  const [host = '', email = ''] = id.split('/');
  const folder = join(accounts, host, email);
  const { registration } = await readJson(join(folder, 'account.json'));
  const { uri } = Object(registration) as { readonly uri?: unknown };
  const url = typeof uri === 'string' && URL.canParse(uri) ? uri : undefined;
  return {
    id,
    // lego writes the colon before a port as a low line.
    ca: { host: url === undefined ? host.replace(/_(?=\d+$)/, ':') : new URL(url).host },
    url,
    key: await readAccountKey(join(folder, 'keys', `${email}.key`)),
  };
}

async function certificateOf(
  directory: string,
  name: string,
  {
    files,
    accounts,
  }: { readonly files: readonly string[]; readonly accounts: readonly ClientAccount[] },
): Promise<ClientCertificate> {
  const at = (file: string) => join(directory, 'certificates', file);
  const text = await readText(at(`${name}.crt`));
  const isBundle = (text.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0) > 1;
  const issuer = `${name}.issuer.crt`;
  const hasIssuer = !isBundle && files.includes(issuer);
  const content = await readCertificate(
    [at(`${name}.crt`), ...(hasIssuer ? [at(issuer)] : [])],
    at(`${name}.key`),
  );
  const ca = await caOf(at(`${name}.json`), accounts);
  const candidates = accounts.filter(
    (account) => ca && 'host' in account.ca && 'host' in ca && account.ca.host === ca.host,
  );
  return {
    name,
    ...content,
    ca,
    account: candidates[0]?.id,
    deploy: [],
    omitted: [
      {
        setting: 'challenge',
        reason:
          'lego does not store how names are validated: use --challenge, --webroot or --dns-provider',
      },
      ...(candidates.length > 1
        ? [
            {
              setting: 'account',
              reason: `lego does not store which of ${candidates.length} accounts at this CA is used: renewals use ${candidates[0]?.id}`,
            },
          ]
        : []),
      {
        setting: 'hooks',
        reason: 'lego does not store hooks: name a program with acmex obtain --deploy-hook',
      },
    ],
  };
}

/** The URL of a certificate is at its CA; without one, the CA is that of all accounts. */
async function caOf(
  path: string,
  accounts: readonly ClientAccount[],
): Promise<ClientCa | undefined> {
  const { certUrl } = await readJson(path);
  if (typeof certUrl === 'string' && URL.canParse(certUrl)) return { host: new URL(certUrl).host };
  const hosts = new Set(accounts.map(({ ca }) => ('host' in ca ? ca.host : '')));
  const [host] = hosts;
  return hosts.size === 1 && host !== undefined ? { host } : undefined;
}
