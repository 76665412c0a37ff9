import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { dns01 } from '@acmex/challenge/dns-01';
import { http01, http01Webroot, type SharedResponses } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { type DnsProvider, lookUp, type Propagation } from '@acmex/dns';
import type { JsonObject } from '@acmex/orchestrator';
import { openDnsProvider } from '../dns/open.ts';
import { dnsProvidersOf } from '../dns/providers.ts';
import { ConfigError } from '../errors.ts';
import { loaded } from '../loaded.ts';
import type { Config } from '../read-config.ts';
import type { Environment } from '../substitution.ts';

/** How the names of a certificate are proven: what a certificate's record says, and the configuration where that is silent. */
export interface Proof {
  readonly challenge: 'http-01' | 'dns-01' | 'tls-alpn-01';
  readonly httpPort?: number | undefined;
  readonly httpHost?: string | undefined;
  readonly webroot?: string | undefined;
  readonly tlsPort?: number | undefined;
  readonly tlsHost?: string | undefined;
  /** Of the configuration, or `exec`. */
  readonly dnsProvider?: string | undefined;
  /** The program of `exec`. */
  readonly execPath?: string | undefined;
  /** What it sees of the environment. */
  readonly dnsEnv?: readonly string[] | undefined;
  readonly dnsResolver?: readonly string[] | undefined;
  /** Seconds, or `skip`. */
  readonly propagationWait?: number | 'skip' | undefined;
  /** Seconds. */
  readonly propagationTimeout?: number | undefined;
  /** Common name of the issuer that the chain should end in. */
  readonly preferredChain?: string | undefined;
}

const fields = ['challenge', 'httpPort', 'httpHost', 'webroot', 'tlsPort', 'tlsHost', 'dnsProvider', 'execPath', 'dnsEnv', 'dnsResolver', 'propagationWait', 'propagationTimeout', 'preferredChain'] as const satisfies readonly (keyof Proof)[];

/** What of it a certificate's record keeps. */
export function proofRecord(proof: Partial<Proof>): JsonObject {
  return JSON.parse(JSON.stringify(Object.fromEntries(fields.map((field) => [field, proof[field]])))) as JsonObject;
}

/** What a record says, over what the configuration says. */
export function proofOf(record: JsonObject | undefined, { values: { challenge: { challenge_type: challenge, http01: http, tls_alpn: tls, dns01: dns } } }: Pick<Config, 'values'>): Proof {
  const [httpAt, tlsAt] = [addressOf(http.listen_addr), addressOf(tls.listen_addr)];
  const configured: Proof = {
    challenge, httpPort: httpAt.port, httpHost: httpAt.host, webroot: http.webroot, tlsPort: tlsAt.port, tlsHost: tlsAt.host,
    dnsProvider: dns.provider, dnsResolver: dns.resolvers.length > 0 ? dns.resolvers : undefined, propagationTimeout: dns.propagation_timeout_secs,
  };
  // What this package wrote, and nothing else does.
  return { ...configured, ...record as Partial<Proof> };
}

/** The address and the port of `HOST:PORT`; no address where it means all. */
export function addressOf(text: string): { readonly host: string | undefined; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  return { host: host === '::' ? undefined : host, port: Number(port) };
}

export interface SolverOptions {
  readonly config: Pick<Config, 'values'>;
  readonly environment: Environment;
  /** Where other machines find what is shown. */
  readonly shared?: ((type: 'http-01' | 'tls-alpn-01') => SharedResponses) | undefined;
}

/** What proves names in this way. @throws ConfigError `ERR_CONFIG_PROOF` when the parts do not fit together */
export async function solverFor(proof: Proof, options: SolverOptions): Promise<ChallengeSolver> {
  // A solver reads only responses of its own, and those of its own type.
  return await choose(proof, options) as unknown as ChallengeSolver;
}

async function choose(proof: Proof, options: SolverOptions) {
  const { challenge, httpPort = 80, httpHost, webroot, tlsPort = 443, tlsHost, propagationTimeout: limit } = proof;
  if (challenge === 'tls-alpn-01') return tlsAlpn01({ port: tlsPort, host: tlsHost, shared: options.shared?.(challenge) });
  if (challenge === 'http-01') return webroot === undefined ? http01({ port: httpPort, host: httpHost, shared: options.shared?.(challenge) }) : http01Webroot({ directory: webroot });
  const servers = proof.dnsResolver && await Promise.all(proof.dnsResolver.map(serverAddress));
  return dns01({
    provider: await provider(proof, options), propagation: propagation(proof, servers), ...(limit === undefined ? {} : { limit: { seconds: limit } }),
    ...(servers ? { lookUp: lookUp({ clock: systemClock, servers }) } : {}),
  });
}

async function provider({ dnsProvider: name, dnsEnv = [], execPath }: Proof, { config, environment }: SolverOptions): Promise<DnsProvider> {
  const configured = dnsProvidersOf(config);
  const described = configured.find((one) => one.name === name);
  if (described) return await openDnsProvider(described, { environment });
  const names = ['exec', ...configured.map((one) => one.name)].join(', ');
  if (name === undefined) throw new ConfigError('ERR_CONFIG_PROOF', `dns-01 needs a way to write records: give --dns-provider exec with the program in EXEC_PATH, or challenge.dns01.provider in acmex.toml`);
  if (name !== 'exec') throw new ConfigError('ERR_CONFIG_PROOF', `the DNS provider "${name}" is not known: choose among ${names}, or write it into challenge.dns01.providers of acmex.toml`);
  const program = execPath ?? environment.EXEC_PATH;
  if (!program) throw new ConfigError('ERR_CONFIG_PROOF', 'the DNS provider exec calls a program: put its path into the environment variable EXEC_PATH');
  const wrong = dnsEnv.find((one) => !/^[A-Za-z_]\w*\*?$/.test(one));
  if (wrong !== undefined) throw new ConfigError('ERR_CONFIG_PROOF', `--dns-env "${wrong}" is no name of an environment variable: give names, or how they begin, as AWS_*`);
  const { execHook, environment: allowed } = await loaded('@acmex/dns-hooks', 'the DNS provider exec', () => import('@acmex/dns-hooks'));
  return execHook({ program, env: allowed({ from: environment, allow: ['PATH', 'HOME', 'LANG', 'TZ', ...dnsEnv] }) });
}

function propagation({ propagationWait }: Proof, servers: readonly string[] | undefined): Propagation {
  if (propagationWait === 'skip') return { check: 'skip' };
  if (propagationWait !== undefined) return { check: 'wait', duration: { seconds: propagationWait } };
  return servers ? { check: 'resolvers', servers } : { check: 'authoritative' };
}

/** `HOST`, `HOST:PORT`, `ADDRESS`, `[IPV6]:PORT` as an address with its port. */
async function serverAddress(text: string): Promise<string> {
  if (isIP(text) === 6) return `[${text}]:53`;
  const [, bracketed, plain, port = '53'] = /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw new ConfigError('ERR_CONFIG_PROOF', `the DNS resolver "${text}" is no HOST:PORT`);
  const found = isIP(host) ? host : await lookup(host).then((one) => one.address, (cause: unknown) => { throw new ConfigError('ERR_CONFIG_PROOF', `the DNS resolver "${text}" has no address`, { cause }); });
  return isIP(found) === 6 ? `[${found}]:${port}` : `${found}:${port}`;
}
