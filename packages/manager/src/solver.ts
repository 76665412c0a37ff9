import { dns01, type Dns01Options } from '@acmex/challenge/dns-01';
import { dnsAccount01, type DnsAccountDraft } from '@acmex/challenge/dns-account-01';
import {
  dnsPersist01,
  type DnsPersistDraft,
  type PersistentRecord,
} from '@acmex/challenge/dns-persist-01';
import { http01, http01Webroot, type SharedResponses } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { lookUp, type Propagation } from '@acmex/dns';
import type { ChallengeConfig } from './challenge-config.ts';
import { dnsByName, openedOnce } from './dns-by-name.ts';
import type { DnsProviders } from './dns-providers.ts';
import { ManagerError } from './errors.ts';
import { serverAddress } from './network-address.ts';

export interface SolverOptions {
  /** Required for dns-01 and dns-account-01. */
  readonly dnsProviders?: DnsProviders | undefined;
  /** Stored variables, for `DnsProviders.open`. */
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  /** Where other machines find the responses of this one. */
  readonly shared?: ((type: 'http-01' | 'tls-alpn-01') => SharedResponses) | undefined;
  /** The names that will be validated, where they are known. */
  readonly names?: readonly string[] | undefined;
  /** Called with each dns-persist-01 record that was found. */
  readonly onRecord?: ((record: PersistentRecord) => void | Promise<void>) | undefined;
}

/**
 * Creates the solver of a challenge.
 * @throws ManagerError `ERR_MANAGER_CHALLENGE` when the settings do not fit together
 * @throws ChallengeError `ERR_CHALLENGE_DRAFT`
 */
export async function solverFor(
  config: ChallengeConfig,
  options: SolverOptions,
): Promise<ChallengeSolver> {
  // A solver only reads responses that it wrote, and those have its own type.
  return (await createSolver(config, options)) as unknown as ChallengeSolver;
}

async function createSolver(config: ChallengeConfig, options: SolverOptions) {
  const { challenge, httpPort = 80, webroot, tlsPort = 443 } = config;
  switch (challenge) {
    case 'tls-alpn-01':
      return tlsAlpn01({
        port: tlsPort,
        host: config.tlsHost,
        shared: options.shared?.(challenge),
      });
    case 'http-01':
      return webroot === undefined
        ? http01({ port: httpPort, host: config.httpHost, shared: options.shared?.(challenge) })
        : http01Webroot({ directory: webroot });
    case 'dns-persist-01':
      return await persistentSolver(config, options);
    case 'dns-01':
    case 'dns-account-01':
      return await recordSolver(challenge, config, options);
  }
}

async function persistentSolver(config: ChallengeConfig, { onRecord }: SolverOptions) {
  const servers = await resolverAddresses(config);
  return dnsPersist01({
    // The solver checks that this is a version of its own challenge.
    draft: config.challengeDraft as DnsPersistDraft,
    servers,
    lookUp: lookUp({ clock: systemClock, ...(servers ? { servers } : {}) }),
    ...(onRecord ? { onRecord } : {}),
  });
}

/**
 * Opens the providers of the known names at once, so that a wrong setting is reported before the CA
 * is contacted.
 */
async function recordSolver(
  type: 'dns-01' | 'dns-account-01',
  config: ChallengeConfig,
  { dnsProviders, credentials, names }: SolverOptions,
) {
  if (!dnsProviders)
    throw new ManagerError(
      'ERR_MANAGER_CHALLENGE',
      `${type} needs a DNS provider: pass dnsProviders to the certificate manager`,
    );
  const dnsOptions = await propagationOptions(config);
  const solverOf = openedOnce(async (name) => {
    const provider = dnsProviders.isAttended?.(name)
      ? 'person'
      : await dnsProviders.open(name, {
          variables: config.dnsVariables,
          environmentNames: config.dnsEnv,
          credentials,
          lookUp: dnsOptions.lookUp,
        });
    return type === 'dns-01'
      ? dns01({ provider, ...dnsOptions })
      : dnsAccount01({ provider, draft: config.challengeDraft as DnsAccountDraft, ...dnsOptions });
  });
  const choose = (name: string) =>
    dnsProviders.choose(name, { provider: config.dnsProvider, type });
  const provider = config.dnsProvider ?? dnsProviders.default;
  for (const known of names?.map(choose) ?? (provider === undefined ? [] : [provider]))
    await solverOf(known);
  return dnsByName({ type, choose, solverOf });
}

/** Returns where records are looked up, and when they count as visible. */
export async function propagationOptions(config: ChallengeConfig) {
  const { propagationTimeout: seconds } = config;
  const servers = await resolverAddresses(config);
  return {
    lookUp: lookUp({ clock: systemClock, ...(servers ? { servers } : {}) }),
    propagation: propagation(config, servers),
    ...(seconds === undefined ? {} : { limit: { seconds } }),
  } satisfies Omit<Dns01Options, 'provider'>;
}

/** Returns the addresses of the resolvers that are asked; undefined for the system's. */
export async function resolverAddresses({
  dnsResolver,
}: Pick<ChallengeConfig, 'dnsResolver'>): Promise<readonly string[] | undefined> {
  return dnsResolver && (await Promise.all(dnsResolver.map(serverAddress)));
}

function propagation(
  { propagationWait }: ChallengeConfig,
  servers: readonly string[] | undefined,
): Propagation {
  if (propagationWait === 'skip') return { check: 'skip' };
  if (propagationWait !== undefined)
    return { check: 'wait', duration: { seconds: propagationWait } };
  return servers ? { check: 'resolvers', servers } : { check: 'authoritative' };
}
