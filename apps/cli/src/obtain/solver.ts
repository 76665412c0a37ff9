import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { dns01 } from '@acmex/challenge/dns-01';
import { http01, http01Webroot, type SharedResponses } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import type { ChallengeSolver } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { type DnsProvider, lookUp, type Propagation } from '@acmex/dns';
import { execHook } from '@acmex/dns-hooks';
import { CliError } from '../errors.ts';
import type { Proof } from '../managed/managed.ts';

/** The solver that the flags ask for. @throws CliError `ERR_CLI_USAGE` when they do not fit together */
export async function solverFor(options: Proof, env: NodeJS.ProcessEnv, shared?: (type: 'http-01' | 'tls-alpn-01') => SharedResponses): Promise<ChallengeSolver> {
  // A solver reads only responses of its own, and those of its own type.
  return await choose(options, env, shared) as unknown as ChallengeSolver;
}

async function choose(options: Proof, env: NodeJS.ProcessEnv, shared: ((type: 'http-01' | 'tls-alpn-01') => SharedResponses) | undefined) {
  const { challenge, httpPort, webroot, tlsPort } = options;
  if (challenge === 'tls-alpn-01') return tlsAlpn01({ port: tlsPort, shared: shared?.(challenge) });
  if (challenge === 'http-01') return webroot === undefined ? http01({ port: httpPort, shared: shared?.(challenge) }) : http01Webroot({ directory: webroot });
  const servers = options.dnsResolver && await Promise.all(options.dnsResolver.map(address));
  return dns01({ provider: provider(options, env), propagation: propagation(options, servers), ...(servers ? { lookUp: lookUp({ clock: systemClock, servers }) } : {}) });
}

function provider({ dnsProvider, dnsEnv = [], execPath }: Proof, env: NodeJS.ProcessEnv): DnsProvider {
  if (dnsProvider === undefined) throw new CliError('ERR_CLI_USAGE', 'dns-01 needs a way to write records: give --dns-provider exec, with the program in EXEC_PATH');
  if (dnsProvider !== 'exec') throw new CliError('ERR_CLI_USAGE', `--dns-provider "${dnsProvider}" is not known: choose exec`);
  const program = execPath ?? env.EXEC_PATH;
  if (!program) throw new CliError('ERR_CLI_USAGE', '--dns-provider exec calls a program: put its path into the environment variable EXEC_PATH');
  const names = ['PATH', 'HOME', 'LANG', 'TZ', ...dnsEnv];
  return execHook({ program, env: Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))) });
}

function propagation({ propagationWait }: Proof, servers: readonly string[] | undefined): Propagation {
  if (propagationWait === 'skip') return { check: 'skip' };
  if (propagationWait !== undefined) return { check: 'wait', duration: { seconds: propagationWait } };
  return servers ? { check: 'resolvers', servers } : { check: 'authoritative' };
}

/** `HOST`, `HOST:PORT`, `ADDRESS`, `[IPV6]:PORT` as an address with its port. */
async function address(text: string): Promise<string> {
  if (isIP(text) === 6) return `[${text}]:53`;
  const [, bracketed, plain, port = '53'] = /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw new CliError('ERR_CLI_USAGE', `--dns-resolver "${text}" is no HOST:PORT`);
  const found = isIP(host) ? host : await lookup(host).then((one) => one.address, (cause: unknown) => { throw new CliError('ERR_CLI_USAGE', `--dns-resolver "${text}": the host has no address`, { cause }); });
  return isIP(found) === 6 ? `[${found}]:${port}` : `${found}:${port}`;
}
