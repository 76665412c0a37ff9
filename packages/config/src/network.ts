import type * as z from 'zod';
import { readFile } from 'node:fs/promises';
import {
  extraRoots,
  type Network,
  network,
  noProxyEntries,
  readProxy,
  systemRoots,
} from '@acmex/protocol/node';
import { ConfigError } from './errors.ts';
import type { ConfigRow } from './config-row.ts';
import { type Fault, type Origin, originText } from './fault.ts';
import type { networkTable } from './tables/network.ts';
import { Secret } from './secret.ts';
import type { Environment } from './substitution.ts';
import { maskedProxy, noProxyAtAll } from './tables/network.ts';

export interface OpenNetworkOptions {
  /**
   * `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS` are read of
   * it. An application passes `process.env`.
   */
  readonly environment: Environment;
}

type Settings = NonNullable<z.output<ReturnType<typeof networkTable>>>;
type NetworkTable = {
  readonly [Key in keyof Settings]?:
    | (NonNullable<Settings[Key]> extends (infer Element)[] ? readonly Element[] : Settings[Key])
    | undefined;
};

/** The part of a configuration that says how other machines are reached. */
export interface NetworkConfig {
  readonly values: { readonly network: NetworkTable };
}

/**
 * Creates the network that a configuration describes, or the environment alone where there is no
 * configuration.
 * @throws ConfigError `ERR_CONFIG_NETWORK` for a file that cannot be read, or a variable with a
 * proxy that is not valid
 */
export async function openNetwork(
  config: NetworkConfig | undefined,
  { environment }: OpenNetworkOptions,
): Promise<Network> {
  const table: NetworkTable = config?.values.network ?? {};
  const { https, http } = proxiesInUse(table, environment);
  for (const { setting, problem, cure } of proxyVariableProblems(table, environment))
    throw new ConfigError('ERR_CONFIG_NETWORK', `${setting} ${problem}: ${cure}`);
  const roots = [
    ...(await Promise.all((table.ca_certificates ?? []).map(certificatesIn))),
    ...(table.use_system_ca === true ? rootsOfSystem(environment) : []),
    ...extraRoots({ environment }),
  ];
  return network({
    httpsProxy: await urlOf(https),
    httpProxy: await urlOf(http),
    noProxy: exceptionsInUse(table, environment).entries,
    roots,
  });
}

/** A setting that names a proxy, and where it is from: `network.proxy` or a variable. */
interface ProxyInUse {
  readonly url: string | Secret;
  readonly variable: string | undefined;
}

interface ProxiesInUse {
  readonly https: ProxyInUse | undefined;
  readonly http: ProxyInUse | undefined;
}

/** The key of the configuration comes before the variables, and a lower-case one before others. */
function proxiesInUse({ proxy }: NetworkTable, environment: Environment): ProxiesInUse {
  if (proxy === noProxyAtAll) return { https: undefined, http: undefined };
  if (proxy !== undefined) {
    const configured = { url: proxy, variable: undefined };
    return { https: configured, http: configured };
  }
  return {
    https: proxyOfVariable('HTTPS_PROXY', environment),
    http: proxyOfVariable('HTTP_PROXY', environment),
  };
}

function proxyOfVariable(name: string, environment: Environment): ProxyInUse | undefined {
  const variable = setVariable(name, environment);
  return variable && { url: maskedProxy(variable.text), variable: variable.name };
}

/** Returns a variable by its name in lower case, else in upper case. An empty one is not set. */
function setVariable(
  name: string,
  environment: Environment,
): { readonly name: string; readonly text: string } | undefined {
  const set = [name.toLowerCase(), name].find((spelling) => environment[spelling]);
  return set === undefined ? undefined : { name: set, text: environment[set] ?? '' };
}

function exceptionsInUse(
  { no_proxy: configured }: NetworkTable,
  environment: Environment,
): { readonly entries: readonly string[]; readonly variable: string | undefined } {
  if (configured) return { entries: configured, variable: undefined };
  const variable = setVariable('NO_PROXY', environment);
  return { entries: noProxyEntries(variable?.text ?? ''), variable: variable?.name };
}

/** What is wrong with the variables of proxies that are used; no value is repeated. */
function proxyVariableProblems(
  table: NetworkTable,
  environment: Environment,
): readonly { readonly setting: string; readonly problem: string; readonly cure: string }[] {
  if (table.proxy !== undefined) return [];
  return ['HTTPS_PROXY', 'HTTP_PROXY'].flatMap((name) => {
    const variable = setVariable(name, environment);
    const result = variable && readProxy(variable.text);
    return variable && result && 'problem' in result
      ? [{ setting: variable.name, problem: result.problem, cure: result.cure }]
      : [];
  });
}

/**
 * Returns what is wrong with the variables that name proxies.
 * @param proxy the value of `network.proxy`, in place of which they are used
 */
export function proxyVariableFaults(proxy: unknown, environment: Environment): readonly Fault[] {
  if (proxy !== undefined) return [];
  return proxyVariableProblems({}, environment).map(({ setting, problem, cure }) => ({
    key: 'network.proxy',
    origin: { from: 'environment', variable: setting },
    problem,
    cure,
  }));
}

/** Returns the proxies in use that variables name, as rows of `acmex config show`. */
export function explainProxyVariables(
  { values }: NetworkConfig,
  { environment }: OpenNetworkOptions,
): readonly ConfigRow[] {
  const { https, http } = proxiesInUse(values.network, environment);
  const exceptions = exceptionsInUse(values.network, environment);
  const row = (key: string, value: unknown, variable: string | undefined): readonly ConfigRow[] => {
    if (variable === undefined) return [];
    const origin: Origin = { from: 'environment', variable };
    return [{ key, value: JSON.stringify(value), origin: originText(origin) }];
  };
  return [
    ...row('network.proxy (https)', https?.url, https?.variable),
    ...row('network.proxy (http)', http?.url, http?.variable),
    ...row('network.no_proxy', exceptions.entries, exceptions.variable),
  ];
}

async function urlOf(proxy: ProxyInUse | undefined): Promise<string | undefined> {
  return proxy?.url instanceof Secret ? await proxy.url.reveal() : proxy?.url;
}

async function certificatesIn(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw unreadable(`the file ${file} of network.ca_certificates`, cause);
  });
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new ConfigError(
    'ERR_CONFIG_NETWORK',
    `the file ${file} of network.ca_certificates has no certificate in PEM: write the root certificates into it`,
  );
}

function rootsOfSystem(environment: Environment): readonly string[] {
  const roots = tryRoots(environment);
  if (roots) return roots;
  throw new ConfigError(
    'ERR_CONFIG_NETWORK',
    'network.use_system_ca is set, but this system has no file with root certificates in a known place: install the package ca-certificates, or set SSL_CERT_FILE',
  );
}

function tryRoots(environment: Environment): readonly string[] | undefined {
  try {
    return systemRoots({ environment });
  } catch (cause) {
    throw unreadable(`the file of SSL_CERT_FILE, which network.use_system_ca needs,`, cause);
  }
}

function unreadable(what: string, cause: unknown): ConfigError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new ConfigError(
    'ERR_CONFIG_NETWORK',
    `${what} cannot be read (${code ?? message}): correct the path, or its permissions`,
    { cause },
  );
}
