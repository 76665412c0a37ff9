import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { dns01, type Dns01Options } from '@acmex/challenge/dns-01';
import { dnsAccount01, type DnsAccountDraft } from '@acmex/challenge/dns-account-01';
import {
  dnsPersist01,
  type DnsPersistDraft,
  type StandingRecord,
} from '@acmex/challenge/dns-persist-01';
import { http01, http01Webroot, type SharedResponses } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { lookUp, type Propagation } from '@acmex/dns';
import type { JsonObject } from '@acmex/orchestrator';
import {
  dnsProviderFor,
  type DnsVariablesRecord,
  type NamedDnsProviderOptions,
  openNamedDnsProvider,
  ConfigError,
  type Config,
  type Environment,
} from '@acmex/config';
import { dnsByName, openedOnce } from './dns-by-name.ts';

/** How the names of a certificate are proven: what a certificate's record says, and the configuration where that is silent. */
export interface ChallengeConfig {
  readonly challenge: 'http-01' | 'dns-01' | 'tls-alpn-01' | 'dns-account-01' | 'dns-persist-01';
  /** The version of a challenge that is no RFC yet. */
  readonly challengeDraft?: DnsAccountDraft | DnsPersistDraft | undefined;
  readonly httpPort?: number | undefined;
  readonly httpHost?: string | undefined;
  readonly webroot?: string | undefined;
  readonly tlsPort?: number | undefined;
  readonly tlsHost?: string | undefined;
  /** Who was named: one of the configuration, or a kind. Where nobody was, each name chooses: see `dnsProviderFor`. */
  readonly dnsProvider?: string | undefined;
  /** By what a kind was told what it needs. */
  readonly dnsVariables?: DnsVariablesRecord | undefined;
  /** What a program sees of the environment. */
  readonly dnsEnv?: readonly string[] | undefined;
  readonly dnsResolver?: readonly string[] | undefined;
  /** Seconds, or `skip`. */
  readonly propagationWait?: number | 'skip' | undefined;
  /** Seconds. */
  readonly propagationTimeout?: number | undefined;
  /** Common name of the issuer that the chain should end in. */
  readonly preferredChain?: string | undefined;
}

const fields = [
  'challenge',
  'challengeDraft',
  'httpPort',
  'httpHost',
  'webroot',
  'tlsPort',
  'tlsHost',
  'dnsProvider',
  'dnsVariables',
  'dnsEnv',
  'dnsResolver',
  'propagationWait',
  'propagationTimeout',
  'preferredChain',
] as const satisfies readonly (keyof ChallengeConfig)[];

/** What of it a certificate's record keeps. */
export function serializeChallenge(proof: Partial<ChallengeConfig>): JsonObject {
  return JSON.parse(
    JSON.stringify(Object.fromEntries(fields.map((field) => [field, proof[field]]))),
  ) as JsonObject;
}

/** What a record says, over what the configuration says. */
export function resolveChallenge(
  record: JsonObject | undefined,
  {
    values: {
      challenge: {
        challenge_type: challenge,
        challenge_draft: challengeDraft,
        http01: http,
        tls_alpn: tls,
        dns01: dns,
      },
    },
  }: Pick<Config, 'values'>,
): ChallengeConfig {
  const [httpAt, tlsAt] = [addressOf(http.listen_addr), addressOf(tls.listen_addr)];
  const configured: ChallengeConfig = {
    challenge,
    challengeDraft,
    httpPort: httpAt.port,
    httpHost: httpAt.host,
    webroot: http.webroot,
    tlsPort: tlsAt.port,
    tlsHost: tlsAt.host,
    dnsResolver: dns.resolvers.length > 0 ? dns.resolvers : undefined,
    propagationTimeout: dns.propagation_timeout_secs,
  };
  // What this package wrote, and nothing else does.
  return { ...configured, ...(record as Partial<ChallengeConfig>) };
}

/** The address and the port of `HOST:PORT`; no address where it means all. */
export function addressOf(text: string): {
  readonly host: string | undefined;
  readonly port: number;
} {
  const [, bracketed, plain, port] =
    /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  return { host: host === '::' ? undefined : host, port: Number(port) };
}

export interface SolverOptions {
  readonly config: Pick<Config, 'values'>;
  readonly environment: Environment;
  /** Where other machines find what is shown. */
  readonly shared?: ((type: 'http-01' | 'tls-alpn-01') => SharedResponses) | undefined;
  /** The names that are to be proven, where they are known. */
  readonly names?: readonly string[] | undefined;
  /** Shows a person which records to write, where somebody stands by. */
  readonly prompt?: NamedDnsProviderOptions['prompt'];
  /** Is told of each record of dns-persist-01 that was found. */
  readonly onRecord?: ((record: StandingRecord) => void | Promise<void>) | undefined;
}

/** What proves names in this way. @throws ConfigError `ERR_CONFIG_PROOF` when the parts do not fit together; ChallengeError `ERR_CHALLENGE_DRAFT` */
export async function solverFor(
  proof: ChallengeConfig,
  options: SolverOptions,
): Promise<ChallengeSolver> {
  // A solver reads only responses of its own, and those of its own type.
  return (await choose(proof, options)) as unknown as ChallengeSolver;
}

async function choose(proof: ChallengeConfig, options: SolverOptions) {
  const {
    challenge,
    httpPort = 80,
    httpHost,
    webroot,
    tlsPort = 443,
    tlsHost,
    propagationTimeout: limit,
  } = proof;
  if (challenge === 'tls-alpn-01')
    return tlsAlpn01({ port: tlsPort, host: tlsHost, shared: options.shared?.(challenge) });
  if (challenge === 'http-01')
    return webroot === undefined
      ? http01({ port: httpPort, host: httpHost, shared: options.shared?.(challenge) })
      : http01Webroot({ directory: webroot });
  const servers = proof.dnsResolver && (await Promise.all(proof.dnsResolver.map(serverAddress)));
  const look = lookUp({ clock: systemClock, ...(servers ? { servers } : {}) });
  // Whether it is a version of this very challenge is for the solver to say.
  if (challenge === 'dns-persist-01')
    return dnsPersist01({
      draft: proof.challengeDraft as DnsPersistDraft,
      servers,
      lookUp: look,
      ...(options.onRecord ? { onRecord: options.onRecord } : {}),
    });
  return await writing(proof, challenge, options, {
    lookUp: look,
    propagation: propagation(proof, servers),
    ...(limit === undefined ? {} : { limit: { seconds: limit } }),
  });
}

/** Whom the names that are known choose is opened at once: what does not fit is told before a CA hears of it. */
async function writing(
  { dnsProvider: named, dnsEnv: programs, dnsVariables: recorded, challengeDraft }: ChallengeConfig,
  type: 'dns-01' | 'dns-account-01',
  { config, environment, prompt, names }: SolverOptions,
  looking: Omit<Dns01Options, 'provider'>,
) {
  const solverOf = openedOnce(async (name) => {
    const provider = await openNamedDnsProvider(name, {
      config,
      environment,
      programs,
      recorded,
      prompt,
      lookUp: looking.lookUp,
    });
    return type === 'dns-01'
      ? dns01({ provider, ...looking })
      : dnsAccount01({ provider, draft: challengeDraft as DnsAccountDraft, ...looking });
  });
  const choose = (name: string) => dnsProviderFor(name, { config, named, type });
  const usual = named ?? config.values.challenge.dns01.provider;
  for (const provider of names?.map(choose) ?? (usual === undefined ? [] : [usual]))
    await solverOf(provider);
  return dnsByName({ type, choose, solverOf });
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

/** `HOST`, `HOST:PORT`, `ADDRESS`, `[IPV6]:PORT` as an address with its port. @throws ConfigError `ERR_CONFIG_PROOF` */
export async function serverAddress(text: string): Promise<string> {
  if (isIP(text) === 6) return `[${text}]:53`;
  const [, bracketed, plain, port = '53'] =
    /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new ConfigError('ERR_CONFIG_PROOF', `the DNS resolver "${text}" is no HOST:PORT`);
  const found = isIP(host)
    ? host
    : await lookup(host).then(
        (one) => one.address,
        (cause: unknown) => {
          throw new ConfigError('ERR_CONFIG_PROOF', `the DNS resolver "${text}" has no address`, {
            cause,
          });
        },
      );
  return isIP(found) === 6 ? `[${found}]:${port}` : `${found}:${port}`;
}
