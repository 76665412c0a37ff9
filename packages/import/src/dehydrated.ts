import { join } from 'node:path';
import { isRetired, isSameCa } from './ca-path.ts';
import type {
  ClientAccount,
  ClientCertificate,
  ClientChallenge,
  ClientDirectory,
  Omission,
} from './client-directory.ts';
import {
  namesIn,
  readAccountKey,
  readCertificate,
  readJson,
  readTextIfPresent,
} from './client-files.ts';
import { collect } from './collect.ts';
import { readShellVariables } from './shell-variables.ts';

type Variables = Readonly<Record<string, string>>;

/** The CAs that dehydrated knows by a name. */
const presets: Variables = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-test': 'https://acme-staging-v02.api.letsencrypt.org/directory',
  zerossl: 'https://acme.zerossl.com/v2/DV90',
};

/** Reads the base directory of dehydrated, or the directory with its file config. */
export async function readDehydrated(directory: string): Promise<Omit<ClientDirectory, 'client'>> {
  const config = await configOf(directory);
  const { BASEDIR: base = directory } = config;
  const accountsFolder = config.ACCOUNTDIR ?? join(base, 'accounts');
  const accounts = await collect(
    'account',
    await namesIn(accountsFolder, { kind: 'directory' }),
    async (name) => await accountOf(join(accountsFolder, name), name),
  );
  const ca = caOf(config, accounts.entries);
  const account = accounts.entries.find((entry) => isSameCa(entry.ca, ca));
  const folder = config.CERTDIR ?? join(base, 'certs');
  const certificates = await collect(
    'certificate',
    await namesIn(folder, { kind: 'directory' }),
    async (name) => await certificateOf(join(folder, name), { name, config, ca, account }),
  );
  return {
    accounts: accounts.entries,
    certificates: certificates.entries,
    failures: [...accounts.failures, ...certificates.failures],
  };
}

/** Reads `config` and the files of CONFIG_D. Nothing is run. */
async function configOf(directory: string): Promise<Variables> {
  const before = { SCRIPTDIR: directory, BASEDIR: directory };
  const text = (await readTextIfPresent(join(directory, 'config'))) ?? '';
  let { values } = readShellVariables(text, before);
  const { CONFIG_D: further } = values;
  if (further === undefined || further === '') return values;
  for (const file of await namesIn(further, { kind: 'file' }))
    if (file.endsWith('.sh'))
      values = readShellVariables(
        (await readTextIfPresent(join(further, file))) ?? '',
        values,
      ).values;
  return values;
}

/** The name of an account's directory is the URL of the CA, with a line end, in base64url. */
async function accountOf(folder: string, name: string): Promise<ClientAccount | undefined> {
  const files = await namesIn(folder, { kind: 'file' });
  const directory = Buffer.from(name, 'base64url').toString('utf8').trim();
  if (!files.includes('account_key.pem') || !URL.canParse(directory)) return undefined;
  if (isRetired({ directory })) return undefined;
  const { url } = await readJson(join(folder, 'account_id.json'));
  return {
    id: directory,
    ca: { directory },
    url: typeof url === 'string' ? url : undefined,
    key: await readAccountKey(join(folder, 'account_key.pem')),
  };
}

/** The CA of the configuration; without one, that of all accounts, else the default. */
function caOf({ CA: configured }: Variables, accounts: readonly ClientAccount[]) {
  if (configured) return { directory: presets[configured] ?? configured };
  const [account] = accounts;
  if (account && accounts.length === 1) return account.ca;
  return { directory: presets.letsencrypt ?? '' };
}

async function certificateOf(
  folder: string,
  {
    name,
    config,
    ca,
    account,
  }: {
    readonly name: string;
    readonly config: Variables;
    readonly ca: ClientAccount['ca'];
    readonly account: ClientAccount | undefined;
  },
): Promise<ClientCertificate | undefined> {
  // A certificate that was never issued has a request and no more.
  const files = await namesIn(folder, { kind: 'file' });
  if (!files.includes('cert.pem') && !files.includes('fullchain.pem')) return undefined;
  const settings = join(config.DOMAINS_D ?? folder, config.DOMAINS_D ? name : 'config');
  const { values } = readShellVariables((await readTextIfPresent(settings)) ?? '', config);
  const content = await readCertificate(
    [join(folder, 'fullchain.pem')],
    join(folder, 'privkey.pem'),
  );
  const challenge = challengeOf(values);
  return {
    name,
    ...content,
    ca,
    account: account?.id,
    reuseKey: values.PRIVATE_KEY_RENEW === 'no' || undefined,
    mustStaple: values.OCSP_MUST_STAPLE === 'yes' || undefined,
    preferredChain: values.PREFERRED_CHAIN || undefined,
    renewBeforeDays: /^\d+$/.test(values.RENEW_DAYS ?? '') ? Number(values.RENEW_DAYS) : undefined,
    challenge: 'type' in challenge ? challenge : undefined,
    deploy: [],
    omitted: [
      ...('type' in challenge ? [] : [challenge]),
      ...(values.HOOK
        ? [
            {
              setting: 'HOOK',
              reason:
                'its program expects the calls of dehydrated: name a program with acmex obtain --deploy-hook',
            },
          ]
        : []),
      {
        setting: 'certs',
        reason: `servers still read ${folder}, which is not written any more: deploy to another directory, and change their configuration`,
      },
    ],
  };
}

const challengePath = /\/\.well-known\/acme-challenge\/?$/;

/** Returns how the names are validated, or why this cannot be taken over. */
function challengeOf(values: Variables): ClientChallenge | Omission {
  const { CHALLENGETYPE: type = 'http-01', WELLKNOWN: place = '/var/www/dehydrated' } = values;
  if (type === 'http-01' && challengePath.test(place))
    return { type, webroot: place.replace(challengePath, '') || '/' };
  if (type === 'http-01')
    return {
      setting: 'WELLKNOWN',
      reason: `responses are written below a document root, in .well-known/acme-challenge, and ${place} is not such a directory: name the document root with --webroot`,
    };
  return {
    setting: 'CHALLENGETYPE',
    reason:
      type === 'dns-01'
        ? 'the records are written by HOOK: name a DNS host with --dns-provider'
        : `${type} is answered by a program beside dehydrated: use --challenge, --webroot or --dns-provider`,
  };
}
