import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import {
  createAuthority,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
  validationResolver,
} from '@acmex/ca';
import { type RunningAcmeServer, serveAcme } from '@acmex/ca/node';
import { DnsError, type DnsProvider, lookUp, recordName } from '@acmex/dns';
import { addressPolicy } from '@acmex/egress';
import { systemClock } from '@acmex/clock';
import { nodeFetch } from '@acmex/protocol/node';
import {
  type DnsAnswer,
  type DnsServer,
  freePort,
  startDnsServer,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import type { Answer } from 'dns-packet';
import { registerAccount } from './account.ts';
import { certificateManager, type CertificateManagerOptions } from './certificate-manager.ts';
import { serializeChallenge } from './challenge-config.ts';
import type { CheckedCertificate, CheckOptions } from './checked-certificate.ts';
import { singleDnsProvider } from './dns-providers.ts';

/** A CA, a name server and web servers on loopback addresses, for set-ups side by side. */
export interface Zoo extends AsyncDisposable {
  readonly zone: Record<string, DnsAnswer>;
  readonly folder: string;
  readonly storage: Storage;
  /** The URL of the account at the CA. */
  readonly account: string;
  /** At this port the CA asks for http-01, at every address. */
  readonly httpPort: number;
  /** At this port it asks for tls-alpn-01. */
  readonly tlsPort: number;
  readonly directory: string;
  /** What the CA was asked to validate, and what failed. */
  readonly validations: { count: number; failed: number };
  /** Starts a web server on a new loopback address, and returns the address. */
  serve(listener: RequestListener): Promise<string>;
  /** The same for any server on the port of TLS or of HTTP. */
  listen(server: Server, port: number): Promise<string>;
  /** Returns a loopback address on which nothing listens. */
  freeAddress(): string;
  /** Returns a manager of the CA, and the options of its checks. */
  manager(options?: Partial<CertificateManagerOptions>): ReturnType<typeof certificateManager>;
  readonly options: CheckOptions;
}

export const caDomain = 'ca.example';
const base = 'example.org';

export async function startZoo(): Promise<Zoo> {
  const folder = await temporaryFolder('zoo');
  const zone = defaultZone();
  const [names, second] = [await startDnsServer(zone), await startDnsServer(secondServer)];
  const [httpPort, tlsPort] = [await freePort(), await freePort()];
  const validations = { count: 0, failed: 0 };
  const { ca, root } = await startCa({ names, httpPort, tlsPort, validations });
  const storage = memoryStorage();
  const issuer = {
    name: 'zoo',
    title: 'the CA of the zoo',
    directory: ca.directory,
    agreed: true,
    caCertificate: async () => root,
  };
  const account = await registerAccount(issuer, { storage, fetch: nodeFetch({ ca: root }) });
  const servers: Server[] = [];
  let last = 10;
  const freeAddress = () => {
    last += 1;
    return `127.0.7.${last}`;
  };
  const listen = async (server: Server, port: number) => {
    const address = freeAddress();
    servers.push(server);
    await once(server.listen(port, address), 'listening');
    return address;
  };
  await prepareFiles(folder);
  const managerWith = (options?: Partial<CertificateManagerOptions>) =>
    certificateManager({
      storage,
      issuers: [issuer],
      challenge: {
        challenge: 'dns-01',
        dnsResolver: [names.address],
        httpPort,
        httpHost: '127.0.0.1',
        tlsPort,
        tlsHost: '127.0.0.1',
      },
      dnsProviders: singleDnsProvider(zoneProvider(zone)),
      environment: { PATH: process.env.PATH },
      ...options,
    });
  // Set-ups without options of their own share the listeners of one manager.
  let usual: ReturnType<typeof certificateManager> | undefined;
  return {
    zone,
    folder: folder.path,
    storage,
    account: account.url,
    ...{ httpPort, tlsPort, validations, freeAddress, listen },
    directory: ca.directory,
    serve: async (listener) => await listen(createServer(listener), httpPort),
    manager: (options) => {
      if (options) return managerWith(options);
      usual ??= managerWith();
      return usual;
    },
    options: checkOptions({ names, second }, { httpPort, tlsPort }),
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) server.close();
      await closeAll([ca, names, second, folder]);
    },
  };
}

async function closeAll(resources: readonly AsyncDisposable[]): Promise<void> {
  for (const resource of resources) await resource[Symbol.asyncDispose]();
}

function checkOptions(
  { names, second }: Readonly<Record<'names' | 'second', DnsServer>>,
  { httpPort, tlsPort }: Readonly<Record<'httpPort' | 'tlsPort', number>>,
): CheckOptions {
  const at = (server: DnsServer) => lookUp({ clock: systemClock, servers: [server.address] });
  return {
    network: {
      ports: { http: httpPort, https: tlsPort },
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      ipv6: true,
      lookUpAt: (address) => at(address === secondAddress ? second : names),
    },
  };
}

async function startCa({
  names,
  httpPort,
  tlsPort,
  validations,
}: {
  readonly names: DnsServer;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly validations: Zoo['validations'];
}): Promise<{ readonly ca: RunningAcmeServer; readonly root: string }> {
  const storage = memoryStorage();
  const authority = await createAuthority({
    name: 'zoo',
    passphrase: 'of the tests',
    unconstrained: true,
  });
  await saveAuthority(storage, authority);
  const { issuer, root } = await loadAuthority(storage, { kind: authority.kind });
  const resolver = lookUp({ clock: systemClock, servers: [names.address] });
  const validate = networkValidator({
    egress: {
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      resolver: async (name, options) => await resolver.addresses(name, options),
    },
    resolver: validationResolver({ servers: [names.address] }),
    caaIdentity: caDomain,
    ports: { http: httpPort, https: tlsPort },
  });
  const ca = await serveAcme({
    storage,
    issuer,
    caaIdentities: [caDomain],
    profiles: { server: {} },
    rateLimiter: noLimits(),
    validationPauses: [],
    validate: Object.assign(
      async (...request: Parameters<typeof validate>) => {
        const verdict = await validate(...request);
        validations.count += 1;
        if (verdict.valid !== true) validations.failed += 1;
        return verdict;
      },
      { checkCaa: validate.checkCaa },
    ),
    onError: () => undefined,
  });
  return { ca, root };
}

/** Another name server, which says different things of the same zones. */
const secondAddress = '127.0.9.2';
const soa = (name: string): Answer => ({
  type: 'SOA',
  name,
  data: {
    mname: `ns1.${base}`,
    rname: `admin.${base}`,
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 1,
  },
});
const ns = (name: string, data: string): Answer => ({ type: 'NS', name, data });
const a = (name: string, data: string): Answer => ({ type: 'A', name, data });

/** A zone with its name servers: `127.0.0.1` answers for it. */
export function zoneOf(name: string, servers: readonly string[] = [`ns1.${base}`]) {
  return {
    [`SOA ${name}`]: [soa(name)],
    [`NS ${name}`]: servers.map((server) => ns(name, server)),
  };
}

export function addressOf(name: string, address: string): Record<string, DnsAnswer> {
  return address.includes(':')
    ? { [`AAAA ${name}`]: [{ type: 'AAAA', name, data: address }] }
    : { [`A ${name}`]: [a(name, address)] };
}

export type CaaText = readonly [tag: string, value: string, flags?: number];

export function caaOf(name: string, ...records: readonly CaaText[]): Record<string, DnsAnswer> {
  return {
    [`CAA ${name}`]: records.map(([tag, value, flags = 0]) => ({
      type: 'CAA',
      name,
      data: { flags, tag: tag as 'issue', value },
    })),
  };
}

export function aliasOf(name: string, data: string): Record<string, DnsAnswer> {
  return { [`CNAME ${name}`]: [{ type: 'CNAME', name, data }] };
}

function defaultZone(): Record<string, DnsAnswer> {
  return {
    ...zoneOf(base),
    ...addressOf(`ns1.${base}`, '127.0.0.1'),
    ...addressOf(`ns2.${base}`, secondAddress),
    ...addressOf(`ns3.${base}`, '127.0.9.3'),
  };
}

/** It knows `differ`, with different servers, and answers REFUSED for the rest. */
const secondServer = {
  ...zoneOf(`differ.${base}`, [`ns2.${base}`]),
  [`SOA lame.${base}`]: 5,
  [`CNAME lame.${base}`]: 5,
};

/** Writes into the zone that the name server answers from. */
export function zoneProvider(zone: Record<string, DnsAnswer>): DnsProvider {
  const valuesAt = (key: string) => (zone[key] ?? []) as readonly Answer[];
  return {
    name: 'zone',
    zones: async () => await Promise.resolve([base]),
    append: async (at, records) => {
      for (const record of records) {
        const name = recordName(at, record);
        const key = `TXT ${name}`;
        zone[key] = [...valuesAt(key), { type: 'TXT', name, data: record.value }];
      }
      await Promise.resolve();
    },
    remove: async (at, records) => {
      for (const record of records) {
        const key = `TXT ${recordName(at, record)}`;
        zone[key] = valuesAt(key).filter(
          (answer) => !('data' in answer && answer.data === record.value),
        );
      }
      await Promise.resolve();
    },
  };
}

/** A host that refuses the credentials. */
export const refusingProvider: DnsProvider = {
  name: 'refusing',
  zones: async () => {
    await Promise.resolve();
    throw new DnsError('ERR_DNS_CREDENTIALS', 'refusing: the token is not valid');
  },
  append: async () => await Promise.resolve(),
  remove: async () => await Promise.resolve(),
};

/** `webroot`, `program` and programs that may not be run. */
async function prepareFiles({ path }: TemporaryFolder): Promise<void> {
  await mkdir(join(path, 'webroot'));
  await writeFile(join(path, 'program'), '#!/bin/sh\n', { mode: 0o700 });
  await writeFile(join(path, 'not-executable'), '#!/bin/sh\n', { mode: 0o600 });
  await writeFile(join(path, 'open-program'), '#!/bin/sh\n');
  await chmod(join(path, 'open-program'), 0o777);
}

/** A certificate of the zoo, with the challenge in its record. */
export function certificateFor(
  names: readonly string[],
  challenge: Parameters<typeof serializeChallenge>[0] = {},
  more: Partial<CheckedCertificate> = {},
): CheckedCertificate {
  return { names, issuer: 'zoo', proof: serializeChallenge(challenge), ...more };
}

/** A server that accepts connections, and is silent. */
export const silentServer = () => createTcpServer(() => undefined);
/** A server that speaks a different protocol. */
export const mailServer = () => createTcpServer((socket) => socket.end('220 mail ESMTP\r\n'));
export const portOf = (server: Server) => (server.address() as AddressInfo).port;
