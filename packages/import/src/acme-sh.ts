import { basename, join, relative } from 'node:path';
import { caOfPath, isRetired, isSameCa } from './ca-path.ts';
import type {
  ClientAccount,
  ClientCertificate,
  ClientChallenge,
  ClientDeployStep,
  ClientDirectory,
  Omission,
} from './client-directory.ts';
import {
  foldersWith,
  namesIn,
  readAccountKey,
  readCertificate,
  readText,
  readTextIfPresent,
} from './client-files.ts';
import { collect } from './collect.ts';
import { hookSteps } from './hook-command.ts';
import { readShellVariables } from './shell-variables.ts';

type Variables = Readonly<Record<string, string>>;

/** Reads the home directory of acme.sh, by default ~/.acme.sh. */
export async function readAcmeSh(directory: string): Promise<Omit<ClientDirectory, 'client'>> {
  const account = await variablesIn(join(directory, 'account.conf'));
  const folders: string[] = [];
  for (const folder of await namesIn(directory, { kind: 'directory' }))
    if (
      (await namesIn(join(directory, folder), { kind: 'file' })).includes(
        `${domainOf(folder)}.conf`,
      )
    )
      folders.push(folder);
  const scripts = await scriptsIn(directory);
  const certificates = await collect('certificate', folders, async (folder) =>
    certificateOf(join(directory, folder), { directory, account, scripts }),
  );
  const root = join(directory, 'ca');
  const accounts = await collect(
    'account',
    (await foldersWith('account.key', root)).map((folder) => relative(root, folder)),
    async (path) => await accountOf(root, path, certificates.entries),
  );
  return {
    accounts: accounts.entries,
    certificates: withAccounts(certificates.entries, accounts.entries),
    failures: [...accounts.failures, ...certificates.failures],
  };
}

/** acme.sh has one account at each CA. */
function withAccounts(
  certificates: readonly ClientCertificate[],
  accounts: readonly ClientAccount[],
): readonly ClientCertificate[] {
  return certificates.map((certificate) => ({
    ...certificate,
    account: accounts.find(({ ca }) => isSameCa(ca, certificate.ca))?.id,
  }));
}

function domainOf(folder: string): string {
  return folder.replace(/_ecc$/, '');
}

async function variablesIn(path: string): Promise<Variables> {
  const { values } = readShellVariables((await readTextIfPresent(path)) ?? '');
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decoded(value)]));
}

/** Command lines are stored in base64. */
function decoded(value: string): string {
  const [, text] = /^__ACME_BASE64__START_(.*)__ACME_BASE64__END_$/.exec(value) ?? [];
  return text === undefined ? value : Buffer.from(text, 'base64').toString('utf8');
}

async function accountOf(
  root: string,
  path: string,
  certificates: readonly ClientCertificate[],
): Promise<ClientAccount | undefined> {
  const folder = join(root, path);
  const ca = caOfPath(path, certificates);
  if (isRetired(ca)) return undefined;
  const { ACCOUNT_URL: url } = await variablesIn(join(folder, 'ca.conf'));
  return {
    id: path,
    ca,
    url: url || undefined,
    key: await readAccountKey(join(folder, 'account.key')),
  };
}

/** The scripts for DNS hosts that are installed. */
async function scriptsIn(directory: string): Promise<ReadonlySet<string>> {
  const programs = await namesIn(directory, { kind: 'file' });
  if (!programs.includes('acme.sh')) return new Set();
  return new Set(await namesIn(join(directory, 'dnsapi'), { kind: 'file' }));
}

interface Home {
  readonly directory: string;
  readonly account: Variables;
  readonly scripts: ReadonlySet<string>;
}

async function certificateOf(folder: string, home: Home): Promise<ClientCertificate> {
  const domain = domainOf(basename(folder));
  const at = (file: string) => join(folder, file);
  await readText(at(`${domain}.conf`));
  const values = await variablesIn(at(`${domain}.conf`));
  const content = await readCertificate([at('fullchain.cer')], at(`${domain}.key`));
  const challenge = challengeOf(values, home);
  const { deploy, omitted } = hookSteps([
    { setting: 'Le_ReloadCmd', command: values.Le_ReloadCmd, when: 'hook' },
    { setting: 'Le_RenewHook', command: values.Le_RenewHook, when: 'hook' },
    { setting: 'Le_PostHook', command: values.Le_PostHook, when: 'after' },
  ]);
  return {
    name: basename(folder),
    ...content,
    ca: values.Le_API ? { directory: values.Le_API } : undefined,
    reuseKey: values.Le_ForceNewDomainKey === '1' ? undefined : true,
    mustStaple: values.Le_OCSP_Staple === '1' || undefined,
    preferredChain: values.Le_Preferred_Chain || undefined,
    challenge: 'type' in challenge ? challenge : undefined,
    deploy: [...filesOf(values), ...deploy],
    omitted: [...('type' in challenge ? [] : [challenge]), ...omitted, ...omissions(values)],
  };
}

/** The files that `--install-cert` writes. */
function filesOf(values: Variables): readonly ClientDeployStep[] {
  const files = {
    certPath: values.Le_RealFullChainPath || undefined,
    keyPath: values.Le_RealKeyPath || undefined,
    chainPath: values.Le_RealCACertPath || undefined,
    leafPath: values.Le_RealCertPath || undefined,
  };
  return Object.values(files).some((path) => path !== undefined) ? [files] : [];
}

function omissions({ Le_PreHook: before, Le_DeployHook: scripts }: Variables): readonly Omission[] {
  return [
    ...(before
      ? [
          {
            setting: 'Le_PreHook',
            reason:
              'a program before renewals is for all certificates: set renewal.hooks.before in acmex.toml',
          },
        ]
      : []),
    ...(scripts
      ? [
          {
            setting: 'Le_DeployHook',
            reason: `the deploy scripts of acme.sh (${scripts}) are not run: name a program with acmex obtain --deploy-hook`,
          },
        ]
      : []),
  ];
}

/** Returns how the names are validated, or why this cannot be taken over. */
function challengeOf(values: Variables, home: Home): ClientChallenge | Omission {
  const ways = [...new Set((values.Le_Webroot ?? '').split(',').filter((way) => way !== ''))];
  const [way = ''] = ways;
  if (ways.length > 1)
    return {
      setting: 'Le_Webroot',
      reason: `its names are validated in ${ways.length} ways, and one certificate can have one: use --webroot or --dns-provider`,
    };
  if (values.Le_ChallengeAlias)
    return {
      setting: 'Le_ChallengeAlias',
      reason: 'set a CNAME from _acme-challenge to the alias, and use --dns-provider',
    };
  if (way === 'no')
    return {
      type: 'http-01',
      port: values.Le_HTTPPort ? Number(values.Le_HTTPPort) : undefined,
    };
  if (way === 'alpn')
    return {
      type: 'tls-alpn-01',
      port: values.Le_TLSPort ? Number(values.Le_TLSPort) : undefined,
    };
  if (way.startsWith('/')) return { type: 'http-01', webroot: way };
  if (/^dns_\w+$/.test(way)) return { type: 'dns-01', ...providerOf(way, home) };
  return {
    setting: 'Le_Webroot',
    reason: `${way === '' ? 'it' : JSON.stringify(way)} has no counterpart: use --webroot or --dns-provider`,
  };
}

/**
 * Returns the DNS host with everything that acme.sh saves as credentials: which of them belong to
 * this host, its script alone knows. The script itself can write the records too.
 */
function providerOf(hook: string, { directory, account, scripts }: Home) {
  const saved = Object.entries(account).flatMap(([name, value]): [string, string][] =>
    name.startsWith('SAVED_') ? [[name.slice('SAVED_'.length), value]] : [],
  );
  const script = scripts.has(`${hook}.sh`)
    ? { LE_WORKING_DIR: directory, ACME_SH_DNS: hook }
    : undefined;
  return { provider: hook, variables: { ...Object.fromEntries(saved), ...script } };
}
