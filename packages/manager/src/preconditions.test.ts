import { once } from 'node:events';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createCsr, webcrypto } from '@acmex/certificate';
import { DnsError, type DnsProvider } from '@acmex/dns';
import { errorCode } from '@acmex/errors';
import { identifiers } from '@acmex/identifier';
import type { Fetch } from '@acmex/protocol';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CertificateManagerOptions,
  certificateManager,
  deployRecord,
  type DeployStep,
  runHooks,
  serializeChallenge,
  singleDnsProvider,
} from './index.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** A CA that counts what it is asked. */
let ca: ReturnType<typeof createServer>;
let requests = 0;
/** A program on the port of a challenge. */
let busy: ReturnType<typeof createServer>;
let usedPort: number;
const at = (...path: readonly string[]) => join(folder.path, ...path);
const portOf = (server: typeof ca) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  folder = await temporaryFolder('preconditions');
  ca = createServer((_, response) => {
    requests += 1;
    response.writeHead(500).end();
  });
  await once(ca.listen(0, '127.0.0.1'), 'listening');
  busy = createServer((_, response) => response.end('not a response'));
  await once(busy.listen(0, '127.0.0.1'), 'listening');
  usedPort = portOf(busy);
  await mkdir(at('webroot'));
  await mkdir(at('linked'));
  await symlink('/tmp', at('linked', '.well-known'));
  await writeFile(at('program'), '#!/bin/sh\n', { mode: 0o700 });
  await writeFile(at('open-program'), '#!/bin/sh\n');
  await chmod(at('open-program'), 0o777);
});
afterAll(async () => {
  ca.close();
  busy.close();
  await folder[Symbol.asyncDispose]();
});
beforeEach(() => {
  requests = 0;
});

/** A host that refuses every request. */
function hostThat(code: 'ERR_DNS_CREDENTIALS' | 'ERR_DNS_RATE_LIMITED' | undefined): DnsProvider {
  const refuse = async () => {
    throw new DnsError(code ?? 'ERR_DNS_API', 'the host refuses');
  };
  return {
    name: 'host',
    append: refuse,
    remove: refuse,
    zones: code ? refuse : async () => ['other.example'],
  };
}

interface Case {
  readonly names?: readonly string[];
  readonly challenge?: CertificateManagerOptions['challenge'];
  readonly dns?: DnsProvider;
  readonly deploy?: readonly DeployStep[];
  readonly code: string;
  readonly message: RegExp;
}

const webroot = (name: string) => ({ challenge: 'http-01', webroot: at(name) }) as const;
const byDns = {
  challenge: 'dns-01',
  dnsResolver: ['127.0.0.1:1'],
  propagationWait: 'skip',
} as const;

const cases: Readonly<Record<string, () => Case>> = {
  'a wildcard by http-01': () => ({
    names: ['a.test', '*.a.test'],
    code: 'ERR_MANAGER_CHALLENGE',
    message: /\*\.a\.test.*dns-01/,
  }),
  'a wildcard by tls-alpn-01': () => ({
    names: ['*.a.test'],
    challenge: { challenge: 'tls-alpn-01' },
    code: 'ERR_MANAGER_CHALLENGE',
    message: /\*\.a\.test.*dns-01/,
  }),
  'an IP address by dns-01': () => ({
    names: ['192.0.2.1'],
    challenge: byDns,
    dns: hostThat(undefined),
    code: 'ERR_MANAGER_CHALLENGE',
    message: /192\.0\.2\.1.*http-01/,
  }),
  'a webroot that does not exist': () => ({
    challenge: webroot('nowhere'),
    code: 'ERR_CHALLENGE_WEBROOT',
    message: /nowhere.*check that it exists/,
  }),
  'a webroot with a link below it': () => ({
    challenge: webroot('linked'),
    code: 'ERR_CHALLENGE_WEBROOT',
    message: /linked.*no link/,
  }),
  'a webroot that is a file': () => ({
    challenge: webroot('program'),
    code: 'ERR_CHALLENGE_WEBROOT',
    message: /program/,
  }),
  'a port for http-01 that another program has': () => ({
    challenge: { challenge: 'http-01', httpHost: '127.0.0.1', httpPort: usedPort },
    code: 'ERR_CHALLENGE_PORT_IN_USE',
    message: /port \d+ is in use/,
  }),
  'an address for http-01 that this machine does not have': () => ({
    challenge: { challenge: 'http-01', httpHost: '192.0.2.1', httpPort: 8080 },
    code: 'ERR_CHALLENGE_LISTEN',
    message: /192\.0\.2\.1/,
  }),
  'a port for tls-alpn-01 that another program has': () => ({
    challenge: { challenge: 'tls-alpn-01', tlsHost: '127.0.0.1', tlsPort: usedPort },
    code: 'ERR_CHALLENGE_PORT_IN_USE',
    message: /port \d+ is in use/,
  }),
  'dns-01 without a provider': () => ({
    challenge: byDns,
    code: 'ERR_MANAGER_CHALLENGE',
    message: /needs a DNS provider/,
  }),
  'credentials that the DNS host refuses': () => ({
    challenge: byDns,
    dns: hostThat('ERR_DNS_CREDENTIALS'),
    code: 'ERR_DNS_CREDENTIALS',
    message: /refuses/,
  }),
  'a zone that the credentials cannot write': () => ({
    challenge: byDns,
    dns: hostThat(undefined),
    code: 'ERR_DNS_ZONE_NOT_FOUND',
    message: /none of the zones .* holds _acme-challenge\.a\.test/,
  }),
  'a resolver that refuses, without --propagation-wait skip': () => ({
    challenge: { ...byDns, propagationWait: undefined },
    dns: hostThat(undefined),
    code: 'ERR_DNS_LOOKUP',
    message: /127\.0\.0\.1:1.*ECONNREFUSED/,
  }),
  'a folder for the certificate that does not exist': () => ({
    deploy: [{ certPath: at('nowhere', 'c.pem'), keyPath: at('nowhere', 'k.pem') }],
    code: 'ERR_DEPLOY_FILE',
    message: /nowhere/,
  }),
  'certificate and key in the same file': () => ({
    deploy: [{ certPath: at('same.pem'), keyPath: at('webroot', '..', 'same.pem') }],
    code: 'ERR_DEPLOY_TARGET',
    message: /two files/,
  }),
  'a user that this machine does not have': () => ({
    deploy: [{ directory: at('tls'), owner: 'nobody-of-this-name' }],
    code: 'ERR_DEPLOY_TARGET',
    message: /no user "nobody-of-this-name"/,
  }),
  'a directory in place of which there is a file': () => ({
    deploy: [{ directory: at('program') }],
    code: 'ERR_DEPLOY_FILE',
    message: /program/,
  }),
  'a hook with a relative path': () => ({
    deploy: [{ hook: ['./program'] }],
    code: 'ERR_DEPLOY_HOOK',
    message: /program/,
  }),
  'a hook that does not exist': () => ({
    deploy: [{ hook: [at('no-program'), 'argument'] }],
    code: 'ERR_DEPLOY_HOOK',
    message: /no-program/,
  }),
  'a hook that others can change': () => ({
    deploy: [{ hook: [at('open-program')] }],
    code: 'ERR_DEPLOY_UNSAFE',
    message: /open-program/,
  }),
  'an after hook that others can change': () => ({
    deploy: [{ after: [at('open-program')] }],
    code: 'ERR_DEPLOY_UNSAFE',
    message: /open-program/,
  }),
};

/** Counts the requests to a public CA, and sends none: each is refused without a retry. */
const countedFetch: Fetch = async () => {
  requests += 1;
  return await Promise.resolve(new Response(null, { status: 404 }));
};

async function requestFor(names: readonly string[], mustStaple: boolean) {
  const key = await webcrypto().generate('ec-p256');
  return await createCsr({ identifiers: identifiers(names), key, mustStaple });
}

function managerFor(
  { challenge = webroot('webroot'), dns }: Case,
  hooks: CertificateManagerOptions['hooks'] = undefined,
  directory = `http://127.0.0.1:${portOf(ca)}/directory`,
) {
  const storage = memoryStorage();
  return certificateManager({
    storage,
    challenge,
    hooks,
    ...(directory.startsWith('https:') ? { fetch: () => countedFetch } : {}),
    issuers: [
      {
        name: 'ca',
        title: 'the test CA',
        directory,
        agreed: true,
      },
    ],
    ...(dns ? { dnsProviders: singleDnsProvider(dns) } : {}),
  });
}

describe('What can be known before an order is known before it: P1, P3, P20, C14', () => {
  it.each(Object.entries(cases))('%s costs no request at the CA', async (_, makeCase) => {
    const wanted = makeCase();
    const { names = ['a.test'], deploy = [], code, message } = wanted;
    const manager = managerFor(wanted);
    const failure: unknown = await manager
      .connect({ issuer: 'ca', names, deploy: deployRecord(deploy) })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect([errorCode(failure), String(failure)]).toEqual([code, expect.stringMatching(message)]);
    expect(requests).toBe(0);

    const { certificates } = manager.provisioner;
    const { id } = await certificates.add({
      names,
      issuer: 'ca',
      keyType: 'ec-p256',
      deploy: deployRecord(deploy),
      proof: serializeChallenge({}),
    });
    const { outcome } = await manager.maintain(id, { force: 'renewal' });
    expect(outcome).toMatchObject({ state: 'failed', error: { code } });
    expect(requests).toBe(0);
  });

  it.each(Object.entries(cases))(
    '%s, with a hook that runs before orders, costs no request unless the hook may fix it',
    async (_, makeCase) => {
      const wanted = makeCase();
      const { names = ['a.test'], deploy = [], code } = wanted;
      const manager = managerFor(wanted, runHooks({ before: [at('program')] }, {}));
      const connect = async (runsHooks: boolean) =>
        await manager
          .connect({ issuer: 'ca', names, deploy: deployRecord(deploy), runsHooks })
          .catch(errorCode);
      const isFixed = /LISTEN|PORT_IN_USE|WEBROOT|DEPLOY_FILE/.test(code);
      expect(await connect(false)).toBe(code);
      expect(requests).toBe(0);
      expect((await connect(true)) === code).toBe(!isFixed);
      expect(requests > 0).toBe(isFixed);
    },
  );

  describe.each([
    'https://acme-v02.api.letsencrypt.org/directory',
    'https://acme-staging-v02.api.letsencrypt.org/directory',
  ])('at %s, which has no OCSP', (directory) => {
    const names = ['a.test'];
    const failure = {
      code: 'ERR_MANAGER_MUST_STAPLE',
      message: expect.stringMatching(/^a\.test: .*the test CA has no OCSP .*without --must-staple/),
    };

    it('Must-Staple costs no request, also in a request of the user', async () => {
      const { connect } = managerFor({ code: '', message: /./ }, undefined, directory);
      const request = await requestFor(names, true);
      await expect(connect({ issuer: 'ca', names, mustStaple: true })).rejects.toMatchObject(
        failure,
      );
      await expect(connect({ issuer: 'ca', names, csr: request })).rejects.toMatchObject(failure);
      expect(requests).toBe(0);
    });

    it('Must-Staple of a managed certificate costs no request', async () => {
      const { provisioner, maintain } = managerFor(
        { code: '', message: /./ },
        undefined,
        directory,
      );
      const { id } = await provisioner.certificates.add({
        names,
        issuer: 'ca',
        keyType: 'ec-p256',
        mustStaple: true,
      });
      const { outcome } = await maintain(id, { force: 'renewal' });
      expect(outcome).toMatchObject({ state: 'failed', error: failure });
      expect(requests).toBe(0);
    });

    it('a request without Must-Staple is sent to the CA', async () => {
      const { connect } = managerFor({ code: '', message: /./ }, undefined, directory);
      const csr = await requestFor(names, false);
      await expect(connect({ issuer: 'ca', names, csr })).rejects.toThrow();
      expect(requests).toBeGreaterThan(0);
    });
  });

  it('asks a CA of which it is not known that it has no OCSP for Must-Staple', async () => {
    const directory = 'https://ca.test/directory';
    const { connect } = managerFor({ code: '', message: /./ }, undefined, directory);
    await expect(connect({ issuer: 'ca', names: ['a.test'], mustStaple: true })).rejects.toThrow();
    expect(requests).toBeGreaterThan(0);
  });

  it('asks the CA when nothing is in the way', async () => {
    const manager = managerFor({ code: '', message: /./ });
    const deploy = deployRecord([
      { certPath: at('c.pem'), keyPath: at('k.pem') },
      { directory: at('tls-folder') },
      { hook: [at('program')] },
    ]);
    await expect(manager.connect({ issuer: 'ca', names: ['a.test'], deploy })).rejects.toThrow();
    expect(requests).toBeGreaterThan(0);
  });
});
