import { randomBytes } from 'node:crypto';
import { systemClock } from '@acmex/clock';
import { dnsProviderKinds, dnsProvidersOf, openDnsProvider, readConfig } from '@acmex/config';
import { type DnsProvider, findZone, followAliases, type LookUp, lookUp, recordVisible, relativeName } from '@acmex/dns';
import { errorCode, printable } from '@acmex/protocol';
import { placesOf } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { type ManagedCommandOptions, type Row, table, written } from '../managed/command.ts';
import { type LogLevel, type Reporter, reporter, type Terminal } from '../terminal.ts';

export interface DnsCommandOptions extends Pick<ManagedCommandOptions, 'output'> {
  readonly config?: string;
  readonly dnsProvider?: string;
  /** `ADDRESS:PORT` */
  readonly dnsResolver?: readonly string[];
  readonly logLevel: LogLevel;
}

/** `acmex dns list`: every kind of provider, and what each needs. */
export async function dnsList({ output }: Pick<DnsCommandOptions, 'output'>, terminal: Terminal): Promise<void> {
  const kinds = dnsProviderKinds();
  const named = (options: (typeof kinds)[number]['options'], required: boolean) => options.filter((one) => one.required === required).map(({ name }) => name).join(' ');
  const rows = kinds.map(({ type, title, options }): Row => ({ type, title, needs: named(options, true), takes: named(options, false) }));
  // What can be left out is told by docs/dns.md and the other formats: a terminal is not so wide.
  terminal.stdout.write(written({ text: table(rows.map(({ type, title, needs }) => ({ type, title, needs }))), document: kinds, rows }, output));
}

/** `acmex dns trace`: where the record of a name goes, and what each server that answers for it shows. Changes nothing. */
export async function dnsTrace(name: string, { dnsResolver: servers, output, logLevel }: DnsCommandOptions, terminal: Terminal): Promise<void> {
  const report = await reporter(terminal, { logLevel });
  const { signal } = terminal;
  try {
    const look = lookUp({ clock: systemClock, ...(servers ? { servers } : {}) });
    const record = challengeName(name);
    const place = await followAliases(record, look, { signal });
    const zone = await findZone(place, { lookUp: look }, { signal });
    const answers = await Promise.all((await nameServers(zone, look, signal)).map(async ({ server, address }): Promise<Row> => {
      const values = await lookUp({ clock: systemClock, servers: [withPort(address, servers)] }).txt(place, { signal }).then((all) => all.map((one) => printable(one, 300)).join(' ') || 'nothing', (error: unknown) => `does not answer [${errorCode(error) ?? String(error)}]`);
      return { server, address, shows: values };
    }));
    const path = [['name', name], ['record', record], ...(place === record ? [] : [['leads to', place]]), ['zone', zone]].map(([what = '', value]) => `${what.padEnd(8)} ${value}`);
    terminal.stdout.write(written({ text: [...path, '', table(answers)].join('\n'), document: { name, record, place, zone, servers: answers }, rows: answers }, output));
  } finally {
    report.close();
  }
}

/** `acmex dns check`: two values at a name that nobody uses, seen by whoever answers for the zone, and taken away again. */
export async function dnsCheck(name: string, { config: file, dnsProvider: named, dnsResolver: servers, output, logLevel }: DnsCommandOptions, terminal: Terminal): Promise<void> {
  const report = await reporter(terminal, { logLevel });
  try {
    const config = await readConfig({ ...placesOf(terminal), file, environment: terminal.env });
    const all = dnsProvidersOf(config);
    const wanted = named ?? config.values.challenge.dns01.provider;
    const described = all.find((one) => one.name === wanted);
    if (!described) throw new CliError('ERR_CLI_USAGE', wanted === undefined ? 'name one of challenge.dns01.providers of acmex.toml by --dns-provider' : `there is no DNS provider "${wanted}": ${all.length > 0 ? `choose among ${all.map((one) => one.name).join(', ')}, or ` : ''}write it into challenge.dns01.providers of acmex.toml`);
    const provider = await openDnsProvider(described, { environment: terminal.env });
    const look = lookUp({ clock: systemClock, ...(servers ? { servers } : {}) });
    const { zone, place } = await checked(name, { provider, look, servers, report, signal: terminal.signal });
    terminal.stdout.write(written({ text: `${described.name} can write the records of ${name}`, document: { name, provider: described.name, zone, tried: place, works: true }, rows: [{ name, provider: described.name, zone }] }, output));
  } finally {
    report.close();
  }
}

interface Checking {
  readonly provider: DnsProvider;
  readonly look: LookUp;
  readonly servers: readonly string[] | undefined;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

async function checked(name: string, { provider, look, servers, report, signal }: Checking): Promise<{ readonly zone: string; readonly place: string }> {
  const target = await followAliases(challengeName(name), look, { signal });
  const zone = await findZone(target, { lookUp: look, provider }, { signal });
  report.done(`zone: ${zone}`);
  // The name of the record itself may be in use by an order.
  const place = `_acme-challenge.acmex-check-${randomBytes(6).toString('hex')}.${zone}`;
  const records = ['one', 'two'].map((value) => ({ name: relativeName(zone, place), value: `acmex check ${value}` }));
  try {
    for (const record of records) await provider.append(zone, [record], { signal });
    report.done(`written: two values at ${place}`);
    const propagation = servers ? { check: 'resolvers' as const, servers } : { check: 'authoritative' as const };
    for (const { value } of records) await recordVisible({ zone, name: place, value }, { clock: systemClock, lookUp: look, propagation, signal });
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

async function nameServers(zone: string, look: LookUp, signal: AbortSignal): Promise<readonly { readonly server: string; readonly address: string }[]> {
  const servers = await look.nameServers(zone, { signal });
  return (await Promise.all(servers.map(async (server) => (await look.addresses(server, { signal })).map((address) => ({ server, address }))))).flat();
}

/** Where a resolver with a port of its own is asked, a test is at work, and its zones are served there too. */
function withPort(address: string, servers: readonly string[] | undefined): string {
  const port = /:(\d+)$/.exec(servers?.[0] ?? '')?.[1];
  return port === undefined ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
