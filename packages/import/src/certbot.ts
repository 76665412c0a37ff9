import { basename, dirname, join, relative } from 'node:path';
import { caOfPath, isRetired, isSameCa } from './ca-path.ts';
import { certbotDns } from './certbot-dns.ts';
import { type ConfigSection, listOf, readCertbotConfig } from './certbot-config.ts';
import type {
  ClientAccount,
  ClientCertificate,
  ClientChallenge,
  ClientDirectory,
  Omission,
} from './client-directory.ts';
import {
  foldersWith,
  namesIn,
  readAccountKey,
  readCertificate,
  readJson,
  readText,
} from './client-files.ts';
import { collect } from './collect.ts';
import { hookSteps } from './hook-command.ts';

/** Reads the configuration directory of certbot, by default /etc/letsencrypt. */
export async function readCertbot(directory: string): Promise<Omit<ClientDirectory, 'client'>> {
  const files = (await namesIn(join(directory, 'renewal'), { kind: 'file' })).filter((name) =>
    name.endsWith('.conf'),
  );
  const general = await generalHooks(directory);
  const certificates = await collect(
    'certificate',
    files.map((file) => file.slice(0, -'.conf'.length)),
    async (name) => await certificateOf(directory, name, general),
  );
  const root = join(directory, 'accounts');
  const accounts = await collect(
    'account',
    (await foldersWith('private_key.json', root)).map((folder) => relative(root, folder)),
    async (path) => await accountOf(root, path, certificates.entries),
  );
  return {
    accounts: accounts.entries,
    certificates: certificates.entries.map((certificate) => ({
      ...certificate,
      account: accounts.entries.find(
        ({ id, ca }) => basename(id) === certificate.account && isSameCa(ca, certificate.ca),
      )?.id,
    })),
    failures: [...accounts.failures, ...certificates.failures],
  };
}

async function accountOf(
  root: string,
  path: string,
  certificates: readonly ClientCertificate[],
): Promise<ClientAccount | undefined> {
  const folder = join(root, path);
  const ca = caOfPath(dirname(path), certificates);
  if (isRetired(ca)) return undefined;
  const { uri } = await readJson(join(folder, 'regr.json'));
  return {
    id: path,
    ca,
    url: typeof uri === 'string' && uri !== '' ? uri : undefined,
    key: await readAccountKey(join(folder, 'private_key.json')),
  };
}

async function certificateOf(
  directory: string,
  name: string,
  general: readonly Omission[],
): Promise<ClientCertificate> {
  const config = readCertbotConfig(await readText(join(directory, 'renewal', `${name}.conf`)));
  const live = join(directory, 'live', name);
  const content = await readCertificate([join(live, 'fullchain.pem')], join(live, 'privkey.pem'));
  const { values = {} } = config.sections.renewalparams ?? {};
  const { deploy, omitted } = hookSteps([
    { setting: 'renew_hook', command: values.renew_hook, when: 'hook' },
    { setting: 'post_hook', command: values.post_hook, when: 'after' },
  ]);
  const challenge = await challengeOf(config);
  const [, days] = /^(\d+) days?$/.exec(config.values.renew_before_expiry ?? '') ?? [];
  return {
    name,
    ...content,
    ca: values.server === undefined ? undefined : { directory: values.server },
    account: values.account,
    reuseKey: isTrue(values.reuse_key),
    mustStaple: isTrue(values.must_staple),
    preferredChain: values.preferred_chain,
    renewBeforeDays: days === undefined ? undefined : Number(days),
    challenge: 'type' in challenge ? challenge : undefined,
    deploy,
    omitted: [
      ...('type' in challenge ? [] : [challenge]),
      ...omitted,
      ...omissions(values, live),
      ...general,
    ],
  };
}

function isTrue(value: string | undefined): boolean | undefined {
  return value?.toLowerCase() === 'true' || undefined;
}

/** What certbot does at a renewal, and AcmeX does not do by itself. */
function omissions(values: ConfigSection['values'], live: string): readonly Omission[] {
  const { pre_hook: before, installer } = values;
  return [
    ...(before === undefined
      ? []
      : [
          {
            setting: 'pre_hook',
            reason:
              'a program before renewals is for all certificates: set renewal.hooks.before in acmex.toml',
          },
        ]),
    ...(installer === undefined || installer === 'None'
      ? []
      : [
          {
            setting: 'installer',
            reason: `the configuration of ${installer} is not changed: deploy to files that it reads`,
          },
        ]),
    {
      setting: 'live',
      reason: `servers still read ${live}, which is not written any more: deploy to another directory, and change their configuration`,
    },
  ];
}

async function generalHooks(directory: string): Promise<readonly Omission[]> {
  const omitted: Omission[] = [];
  for (const kind of ['pre', 'deploy', 'post']) {
    const folder = join(directory, 'renewal-hooks', kind);
    const programs = await namesIn(folder, { kind: 'file' });
    if (programs.length > 0)
      omitted.push({
        setting: `renewal-hooks/${kind}`,
        reason:
          kind === 'deploy'
            ? `its programs are for all certificates: set renewal.hooks.directory = "${folder}" in acmex.toml`
            : `its programs are for all certificates: set renewal.hooks.${kind === 'pre' ? 'before' : 'after'} in acmex.toml`,
      });
  }
  return omitted;
}

/** Returns how the names are validated, or why this cannot be taken over. */
async function challengeOf({ sections }: ConfigSection): Promise<ClientChallenge | Omission> {
  const { values = {}, sections: maps = {} } = sections.renewalparams ?? {};
  const { authenticator = '' } = values;
  if (authenticator === 'webroot') return webrootOf(values, maps.webroot_map);
  if (authenticator === 'standalone')
    return {
      type: 'http-01',
      port: values.http01_port === undefined ? undefined : Number(values.http01_port),
      address: values.http01_address || undefined,
    };
  if (authenticator === 'manual') return manualOf(values);
  if (authenticator.startsWith('dns-')) return await certbotDns(authenticator, values);
  return {
    setting: 'authenticator',
    reason: `${authenticator || 'it'} has no counterpart: name a document root with --webroot, or a DNS host with --dns-provider`,
  };
}

function webrootOf(
  { webroot_path: paths }: ConfigSection['values'],
  map: ConfigSection | undefined,
): ClientChallenge | Omission {
  const mapped = Object.values(map?.values ?? {});
  const roots = [...new Set(mapped.length > 0 ? mapped : listOf(paths))];
  const [webroot] = roots;
  if (webroot !== undefined && roots.length === 1) return { type: 'http-01', webroot };
  return {
    setting: 'webroot_map',
    reason:
      roots.length === 0
        ? 'it names no document root: name one with --webroot'
        : 'its names have several document roots, and one certificate can have one: name it with --webroot',
  };
}

function manualOf(values: ConfigSection['values']): ClientChallenge | Omission {
  const { manual_auth_hook: auth, manual_cleanup_hook: cleanup, pref_challs: preferred } = values;
  const isDns = listOf(preferred).some((type) => type.startsWith('dns'));
  if (isDns && auth && cleanup)
    return {
      type: 'dns-01',
      provider: 'certbot',
      variables: { CERTBOT_MANUAL_AUTH_HOOK: auth, CERTBOT_MANUAL_CLEANUP_HOOK: cleanup },
    };
  return {
    setting: 'authenticator',
    reason:
      'manual needs a person, or hooks for dns-01 that also clean up: name a DNS host with --dns-provider',
  };
}
