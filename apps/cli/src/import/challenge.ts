import { resolve } from 'node:path';
import {
  dnsProviderKinds,
  dnsProviderTypeOf,
  dnsVariablesRecord,
  openNamedDnsProvider,
} from '@acmex/config';
import { errorText } from '@acmex/errors';
import type { ClientChallenge, Omission } from '@acmex/import';
import { type ChallengeConfig, savedCredentials } from '@acmex/manager';
import type { Storage } from '@acmex/storage';
import type { ImportCertificate } from './contents.ts';
import type { ImportOptions } from './options.ts';

/** How names are validated from now on. */
export interface ImportedChallenge {
  readonly challenge: Partial<ChallengeConfig>;
  /** The variables that a renewal needs, which are stored. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly omitted: readonly Omission[];
}

/**
 * Returns how the names of a certificate are validated: as flags say, else as the client does it,
 * else as the configuration says.
 */
export async function importedChallenge(
  { challenge, record }: Pick<ImportCertificate, 'challenge' | 'record'>,
  options: ImportOptions,
  storage: Storage,
): Promise<ImportedChallenge> {
  const chosen = challengeOfFlags(options);
  if (chosen) return { challenge: chosen, credentials: {}, omitted: [] };
  if (record) {
    const { spec, credentials } = record;
    const stored = (spec.proof ?? {}) as Partial<ChallengeConfig>;
    return { challenge: stored, ...(await savable(credentials, storage)) };
  }
  if (!challenge) return { challenge: {}, credentials: {}, omitted: [] };
  if (challenge.type === 'dns-01') return await dnsChallenge(challenge, options, storage);
  if (challenge.type === 'tls-alpn-01')
    return withoutCredentials({ challenge: challenge.type, tlsPort: challenge.port });
  const { webroot, port: httpPort, address: httpHost } = challenge;
  return withoutCredentials({ challenge: challenge.type, webroot, httpPort, httpHost });
}

function withoutCredentials(challenge: Partial<ChallengeConfig>): ImportedChallenge {
  return { challenge, credentials: {}, omitted: [] };
}

function challengeOfFlags({
  challenge,
  webroot,
  httpPort,
  dnsProvider,
}: ImportOptions): Partial<ChallengeConfig> | undefined {
  const type = challenge ?? (dnsProvider === undefined ? undefined : 'dns-01');
  const isHttp = webroot !== undefined || httpPort !== undefined;
  if (type === undefined && !isHttp) return undefined;
  return {
    challenge: type ?? 'http-01',
    webroot: webroot === undefined ? undefined : resolve(webroot),
    httpPort,
    dnsProvider,
  };
}

/** Returns the first way to write DNS records that has all the variables it needs. */
async function dnsChallenge(
  challenge: Extract<ClientChallenge, { type: 'dns-01' }>,
  { configuration: config }: ImportOptions,
  storage: Storage,
): Promise<ImportedChallenge> {
  const reasons: string[] = [];
  for (const { name, variables } of candidates(challenge)) {
    try {
      await openNamedDnsProvider(name, { config, environment: variables });
      return await withProvider(name, variables, { config, storage });
    } catch (error) {
      reasons.push(errorText(error));
    }
  }
  const reason = reasons.join('; ') || `the DNS host ${challenge.provider} is not known`;
  const omission = { setting: challenge.provider, reason: `${reason}; or use --dns-provider` };
  return { challenge: { challenge: 'dns-01' }, credentials: {}, omitted: [omission] };
}

/** The DNS host by its own provider, then by the script of acme.sh. */
function candidates({ provider, variables }: Extract<ClientChallenge, { type: 'dns-01' }>) {
  const names = [dnsProviderTypeOf(provider), 'ACME_SH_DNS' in variables ? 'acme.sh' : undefined];
  return names
    .filter((name) => name !== undefined)
    .map((name) => ({ name, variables: variablesOf(name, variables) }));
}

/** Of the variables of a client, those that a provider reads. */
function variablesOf(
  type: string,
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { options = [] } = dnsProviderKinds().find((kind) => kind.type === type) ?? {};
  const read = new Set(options.flatMap(({ env }) => env));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => read.has(name)));
}

/**
 * Returns the challenge with a provider. The storage has one value for each variable: it is not
 * replaced.
 */
async function withProvider(
  dnsProvider: string,
  environment: Readonly<Record<string, string>>,
  {
    config,
    storage,
  }: { readonly config: ImportOptions['configuration']; readonly storage: Storage },
): Promise<ImportedChallenge> {
  const dnsVariables = dnsVariablesRecord(dnsProvider, { config, environment });
  const secret = Object.entries(dnsVariables ?? {}).filter(([, value]) => value === null);
  const credentials = Object.fromEntries(secret.map(([name]) => [name, environment[name] ?? '']));
  return {
    challenge: { challenge: 'dns-01', dnsProvider, dnsVariables },
    ...(await savable(credentials, storage)),
  };
}

/** Returns the credentials, unless the storage has another value of one. */
async function savable(
  credentials: Readonly<Record<string, string>>,
  storage: Storage,
): Promise<Omit<ImportedChallenge, 'challenge'>> {
  const saved = await savedCredentials(storage);
  const different = Object.keys(credentials).filter(
    (name) => saved[name] !== undefined && saved[name] !== credentials[name],
  );
  return {
    credentials: different.length > 0 ? {} : credentials,
    omitted:
      different.length === 0
        ? []
        : [
            {
              setting: different.join(', '),
              reason:
                'the storage has another value, which other certificates use: describe both DNS hosts in challenge.dns01.providers of acmex.toml',
            },
          ],
  };
}
