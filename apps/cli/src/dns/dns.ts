import { randomBytes } from 'node:crypto';
import { systemClock } from '@acmex/clock';
import {
  type DnsProviderKind,
  dnsProviderFor,
  dnsProviderKinds,
  openNamedDnsProvider,
} from '@acmex/config';
import { serverAddress } from '@acmex/manager';
import {
  type DnsProvider,
  findZone,
  followAliases,
  type LookUp,
  lookUp,
  recordVisible,
  relativeName,
} from '@acmex/dns';
import { errorCode, printable } from '@acmex/protocol';
import {
  type ConfiguredOutputOptions,
  type OutputOptions,
  type Row,
  table,
  formatResult,
} from '../output.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';

export interface DnsCommandOptions extends ConfiguredOutputOptions {
  readonly dnsProvider?: string;
  readonly dnsEnv?: readonly string[];
  /** `ADDRESS:PORT` */
  readonly dnsResolver?: readonly string[];
}

/** `acmex dns list`: every kind of provider, what each needs, and where that is had. */
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
  terminal.stdout.write(
    formatResult({ text: kinds.map(kindText).join('\n\n'), document: kinds, rows }, output),
  );
}

/** A kind as lines: its name, then each of its keys with the variables that stand for it, then where credentials are made. */
function kindText({ type, title, options, links, attended }: DnsProviderKind): string {
  const lines = options.map(({ name, env, required }): Row => ({
    key: `  ${name}`,
    variables: env.join(', '),
    needed: required ? '' : 'can be left out',
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

/** `acmex dns trace`: where the record of a name goes, and what each server that answers for it shows. Changes nothing. */
export async function dnsTrace(
  name: string,
  options: DnsCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { output } = options;
  const servers =
    options.dnsResolver && (await Promise.all(options.dnsResolver.map(serverAddress)));
  const report = await reporter(terminal, options);
  const { signal } = terminal;
  try {
    const look = lookUp({ clock: systemClock, ...(servers ? { servers } : {}) });
    const record = challengeName(name);
    const place = await followAliases(record, look, { signal });
    const provider =
      options.dnsProvider === undefined
        ? undefined
        : (await writerOf(name, options, terminal)).provider;
    const zone = await findZone(
      place,
      { lookUp: look, ...(provider ? { provider } : {}) },
      { signal },
    );
    const answers = await Promise.all(
      (await nameServers(zone, look, signal)).map(async ({ server, address }): Promise<Row> => {
        const values = await lookUp({ clock: systemClock, servers: [withPort(address, servers)] })
          .txt(place, { signal })
          .then(
            (all) => all.map((one) => printable(one, 300)).join(' ') || 'nothing',
            (error: unknown) => `does not answer [${errorCode(error) ?? String(error)}]`,
          );
        return { server, address, shows: values };
      }),
    );
    const path = [
      ['name', name],
      ['record', record],
      ...(place === record ? [] : [['leads to', place]]),
      ['zone', zone],
    ].map(([what = '', value]) => `${what.padEnd(8)} ${value}`);
    terminal.stdout.write(
      formatResult(
        {
          text: [...path, '', table(answers)].join('\n'),
          document: { name, record, place, zone, servers: answers },
          rows: answers,
        },
        output,
      ),
    );
  } finally {
    report.close();
  }
}

/** `acmex dns check`: two values at a name that nobody uses, seen by whoever answers for the zone, and taken away again. */
export async function dnsCheck(
  name: string,
  options: DnsCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { output } = options;
  const servers =
    options.dnsResolver && (await Promise.all(options.dnsResolver.map(serverAddress)));
  const report = await reporter(terminal, options);
  try {
    const { writer, provider } = await writerOf(name, options, terminal);
    const look = lookUp({ clock: systemClock, ...(servers ? { servers } : {}) });
    const { zone, place } = await checked(name, {
      provider,
      look,
      servers,
      report,
      signal: terminal.signal,
    });
    terminal.stdout.write(
      formatResult(
        {
          text: `${writer} can write the records of ${name}`,
          document: { name, provider: writer, zone, tried: place, works: true },
          rows: [{ name, provider: writer, zone }],
        },
        output,
      ),
    );
  } finally {
    report.close();
  }
}

/** Who writes the records of a name: as it was said, and opened. */
async function writerOf(
  name: string,
  { configuration: config, dnsProvider: named, dnsEnv: programs }: DnsCommandOptions,
  terminal: Terminal,
): Promise<{ readonly writer: string; readonly provider: DnsProvider }> {
  const writer = dnsProviderFor(name, { config, named });
  return {
    writer,
    provider: await openNamedDnsProvider(writer, { config, environment: terminal.env, programs }),
  };
}

interface Checking {
  readonly provider: DnsProvider;
  readonly look: LookUp;
  readonly servers: readonly string[] | undefined;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

async function checked(
  name: string,
  { provider, look, servers, report, signal }: Checking,
): Promise<{ readonly zone: string; readonly place: string }> {
  const target = await followAliases(challengeName(name), look, { signal });
  const zone = await findZone(target, { lookUp: look, provider }, { signal });
  report.done(`zone: ${zone}`);
  // The name of the record itself may be in use by an order.
  const place = `_acme-challenge.acmex-check-${randomBytes(6).toString('hex')}.${zone}`;
  const records = ['one', 'two'].map((value) => ({
    name: relativeName(zone, place),
    value: `acmex check ${value}`,
  }));
  try {
    for (const record of records) await provider.append(zone, [record], { signal });
    report.done(`written: two values at ${place}`);
    const propagation = servers
      ? { check: 'resolvers' as const, servers }
      : { check: 'authoritative' as const };
    for (const { value } of records)
      await recordVisible(
        { zone, name: place, value },
        { clock: systemClock, lookUp: look, propagation, signal },
      );
    report.done(`visible at ${servers ? servers.join(', ') : 'every authoritative server'}`);
  } finally {
    await provider.remove(zone, records);
    report.done('taken away again');
  }
  return { zone, place };
}

function challengeName(name: string): string {
  return `_acme-challenge.${name.toLowerCase().replace(/^\*\./, '').replace(/\.$/, '')}`;
}

async function nameServers(
  zone: string,
  look: LookUp,
  signal: AbortSignal,
): Promise<readonly { readonly server: string; readonly address: string }[]> {
  const servers = await look.nameServers(zone, { signal });
  return (
    await Promise.all(
      servers.map(async (server) =>
        (await look.addresses(server, { signal })).map((address) => ({ server, address })),
      ),
    )
  ).flat();
}

/** Where a resolver with a port of its own is asked, a test is at work, and its zones are served there too. */
function withPort(address: string, servers: readonly string[] | undefined): string {
  const port = /:(\d+)$/.exec(servers?.[0] ?? '')?.[1];
  return port === undefined
    ? address
    : address.includes(':')
      ? `[${address}]:${port}`
      : `${address}:${port}`;
}
