import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { finding } from '@acmex/check';
import { systemClock } from '@acmex/clock';
import { ConfigError } from '@acmex/config';
import { DnsError, type DnsProvider } from '@acmex/dns';
import type { Fetch } from '@acmex/protocol';
import { type DnsAnswer, freePort, localCertificate } from '@acmex/services';
import type { CertificateManagerOptions } from './certificate-manager.ts';
import {
  addressOf,
  aliasOf,
  caaOf,
  caDomain,
  type CaaText,
  certificateFor as certificate,
  mailServer,
  refusingProvider,
  silentServer,
  type Zoo,
  zoneOf,
  zoneProvider,
} from './check-zoo.testing.ts';
import type { CheckedCertificate, CheckOptions } from './checked-certificate.ts';
import type { NamedDeployTarget } from './deploy-targets.ts';
import { deployRecord, type DeployStep } from './deployer.ts';
import { singleDnsProvider } from './dns-providers.ts';
import { runHooks } from './hooks.ts';

/** What is set up for a name below example.org, which is different for each row. */
export interface Setup {
  readonly zone?: Readonly<Record<string, DnsAnswer>>;
  readonly certificate: CheckedCertificate;
  readonly manager?: Partial<CertificateManagerOptions>;
  readonly options?: CheckOptions;
}
export type Arrange = (zoo: Zoo, name: string) => Setup | Promise<Setup>;

const byHttp = { challenge: 'http-01' } as const;
const byTls = { challenge: 'tls-alpn-01' } as const;

/** A certificate of Let's Encrypt, which is not asked. */
const letsEncrypt = (names: readonly string[], more: Partial<CheckedCertificate> = {}): Setup => ({
  certificate: certificate(names, {}, { issuer: 'le', ...more }),
  manager: {
    issuers: [
      {
        name: 'le',
        title: "Let's Encrypt",
        directory: 'https://acme-v02.api.letsencrypt.org/directory',
      },
    ],
    fetch: () => async () => await Promise.reject(new Error('not asked')),
  },
  options: { kinds: ['names', 'profile'] },
});
const manyNames = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => `n${index}.${name}`);
const deployed = (name: string, ...steps: readonly DeployStep[]): Setup => ({
  certificate: certificate([name], {}, { deploy: deployRecord(steps) }),
});
/** The deploy target `lb`. */
const deployTarget = (
  target: Omit<NamedDeployTarget, 'target'>,
): Partial<CertificateManagerOptions> => ({
  deployTargets: { open: async () => await Promise.resolve({ target: memoryTarget, ...target }) },
});
const memoryTarget: NamedDeployTarget['target'] = {
  name: 'not used',
  stage: async () => await Promise.reject(new Error('a check changes nothing')),
};
/** A DNS host that knows no zones, and verifies a key. */
const keyProvider = (provider: DnsProvider, { isAccepted = true } = {}): DnsProvider => ({
  name: 'keys',
  append: provider.append,
  remove: provider.remove,
  tryCredentials: async (zone) => {
    await Promise.resolve();
    if (!isAccepted) throw new DnsError('ERR_DNS_CREDENTIALS', `keys: no key for ${zone}`);
  },
});
/** A name with CAA records. */
const withCaa =
  (...records: readonly CaaText[]): Arrange =>
  (_, name) => ({ zone: caaOf(name, ...records), certificate: certificate([name]) });
/** A name at a web server, validated by http-01. */
const served =
  (listener: Parameters<Zoo['serve']>[0]): Arrange =>
  async ({ serve }, name) => ({
    zone: addressOf(name, await serve(listener)),
    certificate: certificate([name], byHttp),
  });
const page = '<!doctype html><title>Welcome</title>';
const bogus: DnsAnswer = ({ isCheckingDisabled }) => (isCheckingDisabled ? [] : 2);
const webPage: Fetch = async () => await Promise.resolve(new Response(page));
const elsewhere = `${'t'.repeat(43)}.${'k'.repeat(43)}`;

/** Set-ups that would fail, each with the code of its only finding. */
export const broken: readonly (readonly [code: string, title: string, arrange: Arrange])[] = [
  [
    'ERR_ACME_IDENTIFIER',
    'an empty label',
    () => ({ certificate: certificate(['a..example.org']) }),
  ],
  [
    'ERR_ACME_IDENTIFIER',
    'an underscore',
    (_, name) => ({ certificate: certificate([`_a.${name}`]) }),
  ],
  [
    'ERR_ACME_IDENTIFIER',
    'an A-label that is not Punycode',
    (_, name) => ({ certificate: certificate([`xn--0.${name}`]) }),
  ],
  [
    'ERR_MANAGER_CHALLENGE',
    'a wildcard by http-01',
    (_, name) => ({ certificate: certificate([`*.${name}`], byHttp) }),
  ],
  [
    'ERR_MANAGER_CHALLENGE',
    'an address by dns-01',
    () => ({ certificate: certificate(['127.0.0.1']) }),
  ],
  [
    'ERR_ACME_IDENTIFIER',
    'a private address at a public CA',
    () => ({ ...letsEncrypt(['10.1.2.3'], { profile: 'shortlived', proof: { ...byHttp } }) }),
  ],
  ['ERR_CHECK_NAME_COUNT', '101 names', (_, name) => letsEncrypt(manyNames(101, name))],
  [
    'ERR_CHECK_NAME_COUNT',
    '26 names in a profile for 25',
    (_, name) => letsEncrypt(manyNames(26, name), { profile: 'tlsserver' }),
  ],
  [
    'ERR_CHECK_PROFILE_ADDRESS',
    'an address in a profile without',
    () => letsEncrypt(['1.1.1.1'], { proof: { ...byHttp } }),
  ],
  [
    'ERR_CHECK_KEY_TYPE',
    'a key of Ed25519',
    (_, name) => letsEncrypt([name], { keyType: 'ed25519' }),
  ],
  [
    'ERR_CHECK_REDUNDANT_NAME',
    'a name below a wildcard',
    (_, name) => letsEncrypt([`*.${name}`, `a.${name}`]),
  ],
  [
    'ERR_CHECK_RENEW_BEFORE',
    'renewal 50 days before the end of 45',
    (_, name) => letsEncrypt([name], { profile: 'tlsserver', renewBefore: 'P50D' }),
  ],
  [
    'ERR_CHECK_RENEW_BEFORE',
    'renewal before half of the life that was seen',
    (_, name) => ({
      certificate: certificate(
        [name],
        {},
        {
          renewBefore: 'P5D',
          current: { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-01-07T00:00:00Z' },
        },
      ),
    }),
  ],
  [
    'ERR_MANAGER_MUST_STAPLE',
    'Must-Staple without OCSP',
    (_, name) => letsEncrypt([name], { mustStaple: true }),
  ],
  [
    'ERR_CHECK_PROFILE',
    'a profile that the CA does not have',
    (_, name) => ({ certificate: certificate([name], {}, { profile: 'classic' }) }),
  ],
  [
    'ERR_CHECK_CLOCK',
    'a clock that is an hour ahead',
    (_, name) => ({
      certificate: certificate([name]),
      manager: { clock: { ...systemClock, now: () => systemClock.now().add({ hours: 1 }) } },
    }),
  ],
  [
    'ERR_ACME_NOT_ACME',
    'a CA that is a web page',
    ({ directory }, name) => ({
      certificate: certificate([name], {}, { issuer: 'page' }),
      manager: { issuers: [{ name: 'page', title: 'a page', directory }], fetch: () => webPage },
    }),
  ],
  [
    'ERR_MANAGER_ISSUER',
    'an issuer that is not there',
    (_, name) => ({ certificate: certificate([name], {}, { issuer: 'none' }) }),
  ],
  ['ERR_CHECK_CAA_ISSUER', 'CAA for a different CA', withCaa(['issue', 'letsencrypt.org'])],
  ['ERR_CHECK_CAA_ISSUER', 'CAA for no CA', withCaa(['issue', ';'])],
  [
    'ERR_CHECK_CAA_ISSUER',
    'CAA at the parent',
    (_, name) => ({ zone: caaOf(name, ['issue', ';']), certificate: certificate([`www.${name}`]) }),
  ],
  [
    'ERR_CHECK_CAA_ISSUER',
    'CAA where an alias leads',
    (_, name) => ({
      zone: { ...aliasOf(name, `cdn.${name}`), ...caaOf(`cdn.${name}`, ['issue', ';']) },
      certificate: certificate([name]),
    }),
  ],
  [
    'ERR_CHECK_CAA_ISSUER',
    'issuewild for no CA',
    (_, name) => ({
      zone: caaOf(name, ['issue', caDomain], ['issuewild', ';']),
      certificate: certificate([`*.${name}`]),
    }),
  ],
  [
    'ERR_CHECK_CAA_ACCOUNT',
    'CAA for a different account',
    withCaa(['issue', `${caDomain}; accounturi=https://ca.example/account/2`]),
  ],
  [
    'ERR_CHECK_CAA_METHOD',
    'CAA for a different challenge',
    withCaa(['issue', `${caDomain}; validationmethods=http-01`]),
  ],
  [
    'ERR_CHECK_CAA_CRITICAL',
    'a critical CAA tag',
    withCaa(['issue', caDomain], ['future', 'x', 128]),
  ],
  [
    'ERR_CHECK_CAA_LOOKUP',
    'SERVFAIL for CAA',
    (_, name) => ({ zone: { [`CAA ${name}`]: 2 }, certificate: certificate([name]) }),
  ],
  [
    'ERR_CHECK_NO_ADDRESS',
    'no address',
    (_, name) => ({ certificate: certificate([name], byHttp) }),
  ],
  [
    'ERR_CHECK_ADDRESS_LOOKUP',
    'SERVFAIL for A',
    (_, name) => ({ zone: { [`A ${name}`]: 2 }, certificate: certificate([name], byHttp) }),
  ],
  [
    'ERR_CHECK_PRIVATE_ADDRESS',
    'a private address',
    (_, name) => ({
      zone: addressOf(name, '10.1.2.3'),
      certificate: certificate([name], byHttp),
      options: { isPublicCa: () => true },
    }),
  ],
  [
    'ERR_CHECK_PORT_REFUSED',
    'nothing on port 80',
    ({ freeAddress }, name) => ({
      zone: addressOf(name, freeAddress()),
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'ERR_CHECK_PORT_TIME',
    'silence on port 80',
    async ({ listen, httpPort, options }, name) => ({
      zone: addressOf(name, await listen(silentServer(), httpPort)),
      certificate: certificate([name], byHttp),
      options: { network: { ...options.network, answerLimit: 'PT0.5S' } },
    }),
  ],
  [
    'ERR_CHECK_HTTP_ANSWER',
    'SMTP on port 80',
    async ({ listen, httpPort }, name) => ({
      zone: addressOf(name, await listen(mailServer(), httpPort)),
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'ERR_CHECK_REDIRECT',
    'a redirect to port 8443',
    served(({ headers }, response) =>
      response.writeHead(301, { location: `https://${headers.host?.split(':')[0]}:8443/` }).end(),
    ),
  ],
  [
    'ERR_CHECK_REDIRECT',
    'a redirect in a circle',
    served(({ url }, response) => response.writeHead(302, { location: url }).end()),
  ],
  [
    'ERR_CHECK_REDIRECT',
    'a redirect to https, where nothing listens',
    async ({ serve, tlsPort }, name) => ({
      zone: addressOf(
        name,
        await serve(({ url }, response) =>
          response.writeHead(301, { location: `https://${name}:${tlsPort}${url}` }).end(),
        ),
      ),
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'ERR_CHECK_HTTP_STATUS',
    '404 for the response',
    served((_, response) => response.writeHead(404).end()),
  ],
  [
    'ERR_CHECK_HTTP_STATUS',
    'a page with a password',
    served((_, response) => response.writeHead(401).end()),
  ],
  [
    'ERR_CHECK_HTTP_ACCOUNT',
    'a different ACME client',
    served((_, response) => response.end(elsewhere)),
  ],
  [
    'ERR_CHECK_HTTP_CATCH_ALL',
    'a page for every path',
    served((_, response) => response.end(page)),
  ],
  [
    'ERR_CHECK_IPV6_ANSWER',
    'IPv6 that leads elsewhere',
    async ({ serve }, name) => {
      const wrong = await serve((_, response) => response.end(page));
      return {
        zone: { ...addressOf(name, '127.0.0.1'), ...addressOf(name, `::ffff:${wrong}`) },
        certificate: certificate([name], byHttp),
      };
    },
  ],
  [
    'ERR_CHECK_IPV6_CONNECTION',
    'IPv6 without a server',
    ({ freeAddress }, name) => ({
      zone: { ...addressOf(name, '127.0.0.1'), ...addressOf(name, `::ffff:${freeAddress()}`) },
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'ERR_CHALLENGE_WEBROOT',
    'a webroot that is not there',
    ({ folder }, name) => ({
      zone: addressOf(name, '127.0.0.1'),
      certificate: certificate([name], { ...byHttp, webroot: join(folder, 'none') }),
    }),
  ],
  [
    'ERR_CHECK_TLS_ALPN',
    'a web server on port 443',
    async ({ listen, tlsPort }, name) => {
      const { certificate: cert, privateKey: key } = await localCertificate();
      return {
        zone: addressOf(name, await listen(createTlsServer({ cert, key }), tlsPort)),
        certificate: certificate([name], byTls),
      };
    },
  ],
  [
    'ERR_CHECK_PORT_REFUSED',
    'nothing on port 443',
    ({ freeAddress }, name) => ({
      zone: addressOf(name, freeAddress()),
      certificate: certificate([name], byTls),
    }),
  ],
  [
    'ERR_DNS_BOGUS',
    'signatures that are wrong',
    (_, name) => ({
      zone: Object.fromEntries(
        ['TXT', 'CNAME', 'SOA'].map((type) => [`${type} _acme-challenge.${name}`, bogus]),
      ),
      certificate: certificate([name]),
      options: { kinds: ['dnssec', 'caa', 'zone'] },
    }),
  ],
  [
    'ERR_DNS_LOOKUP',
    'a circle of aliases',
    (_, name) => ({
      zone: {
        ...aliasOf(`_acme-challenge.${name}`, name),
        ...aliasOf(name, `_acme-challenge.${name}`),
      },
      certificate: certificate([name]),
      options: { kinds: ['zone', 'credentials'] },
    }),
  ],
  [
    'ERR_DNS_ZONE_NOT_FOUND',
    'a zone that the credentials do not hold',
    (_, name) => ({
      zone: { ...aliasOf(`_acme-challenge.${name}`, 'a.other.test'), ...zoneOf('other.test') },
      certificate: certificate([name]),
    }),
  ],
  [
    'ERR_CHECK_DELEGATION',
    'a name server without an address',
    (_, name) => ({
      zone: zoneOf(name, ['ns1.example.org', 'ns9.example.org']),
      certificate: certificate([name]),
    }),
  ],
  [
    'ERR_CHECK_NAME_SERVER',
    'a name server that refuses',
    () => ({
      zone: zoneOf('lame.example.org', ['ns1.example.org', 'ns2.example.org']),
      certificate: certificate(['lame.example.org']),
    }),
  ],
  [
    'ERR_CHECK_NAME_SERVERS_DIFFER',
    'name servers that do not agree',
    () => ({
      zone: zoneOf('differ.example.org', ['ns1.example.org', 'ns2.example.org']),
      certificate: certificate(['differ.example.org']),
    }),
  ],
  [
    'ERR_CHECK_WILDCARD_ALIAS',
    'a wildcard alias',
    (_, name) => ({
      zone: aliasOf(`*.${name}`, 'elsewhere.example.org'),
      certificate: certificate([name]),
    }),
  ],
  [
    'ERR_DNS_CREDENTIALS',
    'credentials that are refused',
    (_, name) => ({
      certificate: certificate([name]),
      manager: { dnsProviders: singleDnsProvider(refusingProvider) },
    }),
  ],
  [
    'ERR_DEPLOY_FILE',
    'a folder that is not there',
    ({ folder }, name) => deployed(name, { certPath: join(folder, 'none', 'a.pem') }),
  ],
  [
    'ERR_CHECK_TARGET_SERVER',
    'a probe where nothing listens',
    ({ freeAddress, tlsPort }, name) =>
      deployed(name, { probe: { host: freeAddress(), port: tlsPort } }),
  ],
  [
    'ERR_CHECK_TARGET_SERVER',
    'a deploy target whose server does not speak TLS',
    async ({ listen, httpPort }, name) => ({
      ...deployed(name, { to: 'lb' }),
      manager: deployTarget({
        probe: { host: await listen(mailServer(), httpPort), port: httpPort },
      }),
    }),
  ],
  [
    'ERR_CONFIG_CREDENTIAL',
    'a deploy target whose credential cannot be read',
    (_, name) => ({
      ...deployed(name, { to: 'lb' }),
      manager: deployTarget({
        readCredentials: async () =>
          await Promise.reject(new ConfigError('ERR_CONFIG_CREDENTIAL', 'it is closed')),
      }),
    }),
  ],
  [
    'ERR_DEPLOY_HOOK',
    'a deploy target whose hook is not there',
    ({ folder }, name) => ({
      ...deployed(name, { to: 'lb' }),
      manager: deployTarget({ hook: [join(folder, 'no-program')] }),
    }),
  ],
  [
    'ERR_MANAGER_DEPLOY',
    'a deploy target that is not there',
    (_, name) => deployed(name, { to: 'lb' }),
  ],
  [
    'ERR_DEPLOY_HOOK',
    'a hook of all certificates that is not there',
    ({ folder }, name) => ({
      certificate: certificate([name]),
      manager: { hooks: runHooks({ onError: [join(folder, 'no-program')] }, {}) },
    }),
  ],
  [
    'ERR_DNS_CREDENTIALS',
    'credentials that are refused by a host that knows no zones',
    (_, name) => ({
      certificate: certificate([name]),
      manager: {
        dnsProviders: singleDnsProvider(keyProvider(refusingProvider, { isAccepted: false })),
      },
    }),
  ],
  [
    'ERR_CHECK_SERVICE_PATH',
    'a path that the service may not write to',
    ({ folder, options }, name) => ({
      ...deployed(name, { certPath: join(folder, `${name}.pem`) }),
      options: {
        ...options,
        findingsOfPath: async (path, subject) =>
          await Promise.resolve([finding('ERR_CHECK_SERVICE_PATH', { subject, saw: path })]),
      },
    }),
  ],
  [
    'ERR_CHALLENGE_PORT_IN_USE',
    'a port that a different program has',
    async ({ listen, freeAddress }, name) => {
      const port = await freePort();
      const host = await listen(mailServer(), port);
      return {
        zone: addressOf(name, freeAddress()),
        certificate: certificate([name], byHttp),
        manager: { challenge: { challenge: 'http-01', httpPort: port, httpHost: host } },
        options: { kinds: ['challenge'] },
      };
    },
  ],
  [
    'ERR_DEPLOY_HOOK',
    'a hook that is not there',
    ({ folder }, name) => deployed(name, { hook: [join(folder, 'no-program')] }),
  ],
  [
    'ERR_DEPLOY_HOOK',
    'a hook that is not executable',
    ({ folder }, name) => deployed(name, { hook: [join(folder, 'not-executable')] }),
  ],
  [
    'ERR_DEPLOY_UNSAFE',
    'a hook that all users can change',
    ({ folder }, name) => deployed(name, { hook: [join(folder, 'open-program')] }),
  ],
];

/** Folders and programs of the zoo. */
const folderOf = ({ folder }: Zoo, ...path: readonly string[]) => join(folder, ...path);

/** A name at a web server that serves a webroot. */
const webroot: Arrange = async (at, name) => {
  const directory = folderOf(at, 'webroot');
  const address = await at.serve((request, response) => {
    readFile(join(directory, new URL(request.url ?? '/', 'http://a').pathname)).then(
      (text) => response.end(text),
      () => response.writeHead(404).end(),
    );
  });
  return {
    zone: addressOf(name, address),
    certificate: certificate([name], { ...byHttp, webroot: directory }),
  };
};
const here = (name: string) => addressOf(name, '127.0.0.1');

/** Set-ups with which an order succeeds, and without a finding. */
export const healthy: readonly (readonly [title: string, arrange: Arrange])[] = [
  ['a name by dns-01', (_, name) => ({ certificate: certificate([name]) })],
  [
    'a DNS host that knows no zones',
    ({ zone }, name) => ({
      certificate: certificate([name]),
      manager: { dnsProviders: singleDnsProvider(keyProvider(zoneProvider(zone))) },
    }),
  ],
  ['a name in capitals', (_, name) => ({ certificate: certificate([name.toUpperCase()]) })],
  ['a U-label', (_, name) => ({ certificate: certificate([`b\u00fccher.${name}`]) })],
  ['a wildcard', (_, name) => ({ certificate: certificate([`*.${name}`]) })],
  ['a wildcard and its domain', (_, name) => ({ certificate: certificate([name, `*.${name}`]) })],
  ['two wildcards', (_, name) => ({ certificate: certificate([`*.${name}`, `*.a.${name}`]) })],
  ['20 names', (_, name) => ({ certificate: certificate(manyNames(20, name)) })],
  [
    'a profile of the CA',
    (_, name) => ({ certificate: certificate([name], {}, { profile: 'server' }) }),
  ],
  [
    'a key of RSA',
    (_, name) => ({ certificate: certificate([name], {}, { keyType: 'rsa-2048' }) }),
  ],
  [
    'renewal before half of the life',
    (_, name) => ({ certificate: certificate([name], {}, { renewBefore: 'P20D' }) }),
  ],
  [
    'a clock that is half a minute behind',
    (_, name) => ({
      certificate: certificate([name]),
      manager: {
        clock: { ...systemClock, now: () => systemClock.now().subtract({ seconds: 30 }) },
      },
    }),
  ],
  ['CAA for this CA', withCaa(['issue', caDomain])],
  [
    'CAA for this CA and a different one',
    withCaa(['issue', 'letsencrypt.org'], ['issue', caDomain]),
  ],
  ['CAA for this CA in capitals', withCaa(['ISSUE', 'CA.Example'])],
  ['CAA with an unknown tag that is not critical', withCaa(['future', 'x'])],
  ['CAA with a report address only', withCaa(['iodef', 'mailto:a@example.org', 128])],
  [
    'CAA for this account',
    ({ account }, name) => ({
      zone: caaOf(name, ['issue', `${caDomain}; accounturi=${account}`]),
      certificate: certificate([name]),
    }),
  ],
  ['CAA for this challenge', withCaa(['issue', `${caDomain}; validationmethods=http-01,dns-01`])],
  [
    'CAA that forbids above a name that permits',
    (_, name) => ({
      zone: { ...caaOf(name, ['issue', ';']), ...caaOf(`www.${name}`, ['issue', caDomain]) },
      certificate: certificate([`www.${name}`]),
    }),
  ],
  [
    'issuewild for this CA',
    (_, name) => ({
      zone: caaOf(name, ['issue', ';'], ['issuewild', caDomain]),
      certificate: certificate([`*.${name}`]),
    }),
  ],
  ['http-01', (_, name) => ({ zone: here(name), certificate: certificate([name], byHttp) })],
  [
    'http-01 over IPv4 and IPv6',
    (_, name) => ({
      zone: { ...here(name), ...addressOf(name, '::ffff:127.0.0.1') },
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'http-01 over IPv6 alone',
    (_, name) => ({
      zone: addressOf(name, '::ffff:127.0.0.1'),
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'http-01 for two names',
    (_, name) => ({
      zone: { ...here(name), ...here(`www.${name}`) },
      certificate: certificate([name, `www.${name}`], byHttp),
    }),
  ],
  ['http-01 for an address', () => ({ certificate: certificate(['127.0.0.1'], byHttp) })],
  [
    'http-01 where an alias leads',
    (_, name) => ({
      zone: { ...aliasOf(name, `host.${name}`), ...here(`host.${name}`) },
      certificate: certificate([name], byHttp),
    }),
  ],
  [
    'http-01 through a redirect',
    async ({ serve, httpPort }, name) => {
      const address = await serve(({ url }, response) =>
        response.writeHead(301, { location: `http://to.${name}:${httpPort}${url}` }).end(),
      );
      return {
        zone: { ...addressOf(name, address), ...here(`to.${name}`) },
        certificate: certificate([name], byHttp),
      };
    },
  ],
  ['http-01 in a webroot', webroot],
  ['tls-alpn-01', (_, name) => ({ zone: here(name), certificate: certificate([name], byTls) })],
  [
    'dns-01 where an alias leads',
    (_, name) => ({
      zone: aliasOf(`_acme-challenge.${name}`, `_acme-challenge.${name}.delegated.example.org`),
      certificate: certificate([name]),
    }),
  ],
  [
    'a zone of its own with two name servers that agree',
    (_, name) => ({
      zone: zoneOf(name, ['ns1.example.org', 'ns3.example.org']),
      certificate: certificate([name]),
    }),
  ],
  [
    'files and a hook',
    (at, name) =>
      deployed(
        name,
        { certPath: folderOf(at, `${name}.pem`), keyPath: folderOf(at, `${name}.key`) },
        { hook: [folderOf(at, 'program')] },
      ),
  ],
];
