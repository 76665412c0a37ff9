import { systemClock } from '@acmex/clock';
import {
  type DnsProviderKind,
  type DnsProviderOption,
  dnsProviderFor,
  dnsProviderKinds,
  openNamedDnsProvider,
  openNetwork,
} from '@acmex/config';
import { serverAddress } from '@acmex/manager';
import { formatHostPort, identifier, privateCa, withoutWildcard } from '@acmex/identifier';
import {
  bogusZone,
  type DnsProvider,
  dnssecStatus,
  findZone,
  followAliases,
  type LookUp,
  lookUp,
} from '@acmex/dns';
import { errorCode, printable } from '@acmex/errors';
import {
  type ConfiguredOutputOptions,
  formatResult,
  type OutputOptions,
  type Result,
  type Row,
  table,
} from '../output.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';

export interface DnsCommandOptions extends ConfiguredOutputOptions {
  readonly dnsProvider?: string;
  readonly dnsEnv?: readonly string[];
  /** `ADDRESS:PORT` */
  readonly dnsResolver?: readonly string[];
}

/**
 * `acmex dns list`: lists every type of provider, its keys, and where to create its credentials.
 */
export async function dnsList({ output }: OutputOptions, terminal: Terminal): Promise<void> {
  const kinds = dnsProviderKinds();
  const rows = kinds.flatMap(({ type, title, options, links }) =>
    options.map(({ name, env, required, credential }): Row => ({
      type,
      title,
      key: name,
      variables: env.join(' '),
      required: String(required),
      credential: String(credential),
      link: links.credentials ?? links.api ?? '',
    })),
  );
  const text = kinds.map(kindToText).join('\n\n');
  terminal.stdout.write(formatResult({ text, document: kinds, rows }, output));
}

/**
 * Returns the lines of a kind: its name, its keys with their variables, and where to create its
 * credentials.
 */
function kindToText({ type, title, options, links, attended }: DnsProviderKind): string {
  const lines = options.map(({ name, env, required, oneOf }): Row => ({
    key: `  ${name}`,
    variables: env.join(', '),
    needed: neededText({ required, oneOf }),
  }));
  const [, ...rows] = table(lines).split('\n');
  return [
    `${type.padEnd(14)} ${title}`,
    ...(attended ? ['  acmex obtain shows the record, and waits'] : rows),
    ...(links.credentials ? [`  ${links.credentials}`] : []),
  ]
    .map((line) => line.trimEnd())
    .join('\n');
}

function neededText({ required, oneOf }: Pick<DnsProviderOption, 'required' | 'oneOf'>): string {
  if (oneOf !== undefined) return 'one of these is required';
  return required ? '' : 'optional';
}

/** What a command about one name works with. */
interface DnsCommand {
  readonly report: Reporter;
  readonly signal: AbortSignal;
  readonly lookUp: LookUp;
  /** The servers that flags or the configuration name. */
  readonly servers: readonly string[] | undefined;
}

async function withDns(
  options: DnsCommandOptions,
  terminal: Terminal,
  work: (command: DnsCommand) => Promise<Result>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const { signal } = terminal;
    const { dnsResolver } = options;
    const servers = dnsResolver && (await Promise.all(dnsResolver.map(serverAddress)));
    const lookUpName = lookUp({ clock: systemClock, ...(servers ? { servers } : {}) });
    const result = await work({ report, signal, lookUp: lookUpName, servers });
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

/**
 * `acmex dns trace`: shows where the record of a name belongs, and what each of its servers
 * answers. Changes nothing.
 */
export async function dnsTrace(
  name: string,
  options: DnsCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withDns(options, terminal, async ({ lookUp: lookUpName, servers, signal }) => {
    const record = challengeName(name);
    const dnssec = await signatureStatus(record, { servers, signal });
    const target = await followAliases(record, lookUpName, { signal });
    const opened =
      options.dnsProvider === undefined ? undefined : await openProvider(name, options, terminal);
    const source = { lookUp: lookUpName, ...(opened ? { provider: opened.provider } : {}) };
    const zone = await findZone(target, source, { signal });
    const answers = await Promise.all(
      (await nameServers(zone, lookUpName, signal)).map(
        async ({ server, address }): Promise<Row> => ({
          server,
          address,
          shows: await textRecords(target, withPort(address, servers), signal),
        }),
      ),
    );
    const path = [
      ['name', name],
      ['record', record],
      ...(target === record ? [] : [['leads to', target]]),
      ['zone', zone],
      ['dnssec', dnssecTexts[dnssec]],
    ].map(([label = '', value]) => `${label.padEnd(8)} ${value}`);
    return {
      text: [...path, '', table(answers)].join('\n'),
      document: { name, record, place: target, zone, dnssec, servers: answers },
      rows: answers,
    };
  });
}

const dnssecTexts = {
  secure: 'signed, and the signatures are valid',
  unproven: 'not signed, or this resolver does not validate signatures',
};

/**
 * Returns what the resolver says of the signatures of a name.
 * @throws DnsError `ERR_DNS_BOGUS` if they are wrong: other questions about the name fail then too
 */
async function signatureStatus(
  name: string,
  { servers, signal }: Pick<DnsCommand, 'servers' | 'signal'>,
): Promise<keyof typeof dnssecTexts> {
  const status = await dnssecStatus(name, { clock: systemClock, server: servers?.[0], signal });
  if (status !== 'bogus') return status;
  throw bogusZone(name);
}

/** Returns the TXT records that one server has at a name, in words. */
async function textRecords(name: string, server: string, signal: AbortSignal): Promise<string> {
  try {
    const values = await lookUp({ clock: systemClock, servers: [server] }).txt(name, { signal });
    return values.map((value) => printable(value, 300)).join(' ') || 'nothing';
  } catch (error) {
    return `does not answer [${errorCode(error) ?? String(error)}]`;
  }
}

/**
 * `acmex dns check`: writes two values at an unused name, waits until they are visible, and removes
 * them.
 */
export async function dnsCheck(
  name: string,
  options: DnsCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withDns(options, terminal, async (command) => {
    const record = challengeName(name);
    const { providerName, provider } = await openProvider(name, options, terminal);
    const { lookUp: lookUpName, report, servers, signal } = command;
    const { tryRecord } = await import('@acmex/check');
    const { zone, testName } = await tryRecord(record, {
      provider,
      lookUp: lookUpName,
      propagation: servers ? { check: 'resolvers', servers } : { check: 'authoritative' },
      clock: systemClock,
      signal,
      onStep: (step) => report.done(step),
    });
    return {
      text: `${providerName} can write the records of ${name}`,
      document: { name, provider: providerName, zone, tried: testName, works: true },
      rows: [{ name, provider: providerName, zone }],
    };
  });
}

/** Opens the provider that writes the records of a name. */
async function openProvider(
  name: string,
  { configuration: config, dnsProvider: named, dnsEnv: programs }: DnsCommandOptions,
  { env: environment }: Terminal,
): Promise<{ readonly providerName: string; readonly provider: DnsProvider }> {
  const providerName = dnsProviderFor(name, { config, named });
  const network = await openNetwork(config, { environment });
  const provider = await openNamedDnsProvider(providerName, {
    config,
    environment,
    programs,
    network,
  });
  return { providerName, provider };
}

function challengeName(name: string): string {
  const { value } = identifier(name, { rule: { ...privateCa, allowsAddress: false } });
  return `_acme-challenge.${withoutWildcard(value)}`;
}

async function nameServers(
  zone: string,
  lookUpName: LookUp,
  signal: AbortSignal,
): Promise<readonly { readonly server: string; readonly address: string }[]> {
  const servers = await lookUpName.nameServers(zone, { signal });
  const addresses = await Promise.all(
    servers.map(async (server) =>
      (await lookUpName.addresses(server, { signal })).map((address) => ({ server, address })),
    ),
  );
  return addresses.flat();
}

/**
 * Adds the port of the first resolver, if it is not the standard one: a test then serves the zones
 * on that port too.
 */
function withPort(address: string, servers: readonly string[] | undefined): string {
  const port = /:(\d+)$/.exec(servers?.[0] ?? '')?.[1];
  if (port === undefined || port === '53') return address;
  return formatHostPort({ host: address, port: Number(port) });
}
