import { generateKeyPairSync } from 'node:crypto';
import { createSelfSigned, parseChain, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type Clock, virtualClock } from '@acmex/clock';
import { readConfig } from '@acmex/config';
import type { ClientAccount, ClientCertificate, ClientDirectory } from '@acmex/import';
import { savedCredentials, storedAccounts } from '@acmex/manager';
import { fromConfig } from '@acmex/manager/from-config';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type ImportContext, importContents } from './import.ts';

const directory = 'https://ca.example/directory';
const clock = virtualClock();

async function certificateOf(
  name: string,
  more: Partial<ClientCertificate> = {},
  issuedBy: Clock = clock,
): Promise<ClientCertificate> {
  const { keyType = 'ec-p256' } = more;
  const key = await webcrypto().generate(keyType);
  const chain = await createSelfSigned({
    identifiers: [{ type: 'dns', value: name }],
    key,
    clock: issuedBy,
  });
  const [leaf] = parseChain(chain);
  return {
    name,
    names: [name],
    chain,
    privateKey: Buffer.from(await privateKeyPem(key)).toString(),
    keyType,
    notBefore: leaf!.notBefore.toString(),
    notAfter: leaf!.notAfter.toString(),
    ca: { directory },
    account: 'first',
    deploy: [],
    omitted: [],
    ...more,
  };
}

const accountOf = (id: string): ClientAccount => ({
  id,
  ca: { directory },
  url: `https://ca.example/account/${id}`,
  key: generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString(),
});

const first = accountOf('first');
const contentsOf = (
  certificates: readonly ClientCertificate[],
  accounts: readonly ClientAccount[] = [first],
): ClientDirectory => ({ client: 'certbot', accounts, certificates, failures: [] });

async function contextOf(
  storage: Storage,
  flags: Partial<ImportContext['options']> = {},
): Promise<ImportContext> {
  const configuration = await readConfig({
    cwd: import.meta.dirname,
    home: import.meta.dirname,
    environment: {},
  });
  return {
    manager: fromConfig(configuration, { storage, environment: {}, clock }),
    options: { output: 'text', logLevel: 'info', configuration, ...flags },
    terminal: { env: {}, signal: new AbortController().signal },
  };
}

async function importing(
  storage: Storage,
  contents: ClientDirectory,
  flags: Partial<ImportContext['options']> = {},
) {
  const { accounts, certificates } = await importContents(
    contents,
    await contextOf(storage, flags),
  );
  return {
    accounts: accounts.map(({ name, result }) => [name, result]),
    certificates: certificates.map(({ name, result }): [string, string] => [name, result]),
  };
}

/** What a storage has, without the times at which it was written. */
async function stateOf(storage: Storage) {
  const { provisioner } = (await contextOf(storage)).manager;
  const certificates = [];
  for await (const { id, names, issuer, current } of provisioner.certificates.list()) {
    const generation = await provisioner.certificates.generation(id, current!.generation);
    certificates.push({ names, issuer, privateKey: generation!.privateKey });
  }
  certificates.sort((a, b) => (a.names.join() < b.names.join() ? -1 : 1));
  const accounts = [];
  for await (const { account } of storedAccounts(storage)) accounts.push(account);
  return { certificates, accounts, credentials: await savedCredentials(storage) };
}

/** A storage that fails at one of its writes, or just after it. */
function interruptedAt(storage: Storage, number: number, when: 'before' | 'after'): Storage {
  let writes = 0;
  return {
    ...storage,
    write: async (changes, options) => {
      writes += 1;
      const isInterrupted = writes === number;
      if (isInterrupted && when === 'before') throw new Error('interrupted');
      const versions = await storage.write(changes, options);
      if (isInterrupted) throw new Error('interrupted');
      return versions;
    },
  };
}

/** A storage whose first two writes of a certificate wait for each other. */
function writingTogether(storage: Storage): Storage {
  let waiting = 0;
  let release: () => void = () => undefined;
  const areBoth = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    ...storage,
    write: async (changes, options) => {
      if (changes.some((change) => 'set' in change && change.set.startsWith('generation/'))) {
        waiting += 1;
        if (waiting === 2) release();
        await areBoth;
      }
      return await storage.write(changes, options);
    },
  };
}

describe('an import', () => {
  let site: ClientCertificate;
  let api: ClientCertificate;
  beforeAll(async () => {
    const variables = { CLOUDFLARE_API_TOKEN: 'token of the host' };
    [site, api] = await Promise.all([
      certificateOf('site.example'),
      certificateOf('api.example', {
        challenge: { type: 'dns-01', provider: 'cloudflare', variables },
      }),
    ]);
  });

  it('interrupted at any write is completed by the next one, with nothing double', async () => {
    const contents = contentsOf([site, api]);
    const whole = memoryStorage();
    await importing(whole, contents);
    const wanted = await stateOf(whole);
    expect(wanted).toMatchObject({
      certificates: [{ names: ['api.example'] }, { names: ['site.example'] }],
      accounts: [first.url],
      credentials: { CLOUDFLARE_API_TOKEN: 'token of the host' },
    });
    let interruptions = 0;
    for (let number = 1; ; number += 1) {
      for (const when of ['before', 'after'] as const) {
        const storage = memoryStorage();
        const isComplete = await importing(interruptedAt(storage, number, when), contents).then(
          () => true,
          () => false,
        );
        if (isComplete) {
          expect(interruptions).toBeGreaterThan(8);
          return;
        }
        interruptions += 1;
        await importing(storage, contents);
        expect(await stateOf(storage)).toEqual(wanted);
      }
    }
  });

  it('twice at the same moment manages each certificate once', async () => {
    const storage = writingTogether(memoryStorage());
    const contents = contentsOf([site]);
    const both = await Promise.all([importing(storage, contents), importing(storage, contents)]);
    expect(both.map(({ certificates }) => certificates[0]![1]).sort()).toEqual([
      'added',
      'unchanged',
    ]);
    expect((await stateOf(storage)).certificates).toHaveLength(1);
  });

  it('changes no managed certificate, and replaces an older one only if this is wanted', async () => {
    const storage = memoryStorage();
    const later = virtualClock({ now: clock.now().add({ hours: 48 }) });
    const newer = await certificateOf('site.example', {}, later);
    await importing(storage, contentsOf([site]));
    const before = await stateOf(storage);
    await expect(importing(storage, contentsOf([newer]))).resolves.toMatchObject({
      certificates: [['site.example', 'kept']],
    });
    expect(await stateOf(storage)).toEqual(before);
    await expect(importing(storage, contentsOf([newer]), { replace: true })).resolves.toMatchObject(
      { certificates: [['site.example', 'replaced']] },
    );
    expect((await stateOf(storage)).certificates).toMatchObject([{ privateKey: newer.privateKey }]);
    // The older one is a stored generation of the managed certificate.
    await expect(importing(storage, contentsOf([site]), { replace: true })).resolves.toMatchObject({
      certificates: [['site.example', 'unchanged']],
    });
    const older = await certificateOf('site.example');
    await expect(importing(storage, contentsOf([older]), { replace: true })).resolves.toMatchObject(
      { certificates: [['site.example', 'kept']] },
    );
  });

  it('takes over the newer of two certificates with the same names, and both types of key', async () => {
    const storage = memoryStorage();
    const later = virtualClock({ now: clock.now().add({ hours: 48 }) });
    const newer = {
      ...(await certificateOf('site.example', {}, later)),
      name: 'site.example-0001',
    };
    const rsa = { ...(await certificateOf('site.example', { keyType: 'rsa-2048' })), name: 'rsa' };
    const { certificates } = await importing(storage, contentsOf([site, newer, rsa]));
    expect(new Map(certificates)).toEqual(
      new Map([
        ['site.example-0001', 'added'],
        ['site.example', 'kept'],
        ['rsa', 'added'],
      ]),
    );
    const keys = (await stateOf(storage)).certificates.map(({ privateKey }) => privateKey);
    expect(new Set(keys)).toEqual(new Set([newer.privateKey, rsa.privateKey]));
  });

  it('gives an account a name where the CA has another account here, and the certificates use it', async () => {
    const storage = memoryStorage();
    await importing(storage, contentsOf([site]));
    const second = accountOf('second');
    const contents = contentsOf([{ ...api, account: 'second' }], [second]);
    await expect(importing(storage, contents)).resolves.toMatchObject({
      accounts: [['second', 'added']],
      certificates: [['api.example', 'added']],
    });
    const { certificates, accounts } = await stateOf(storage);
    expect(new Set(accounts)).toEqual(new Set([first.url, second.url]));
    expect(certificates.map(({ issuer }) => issuer)).toContainEqual(
      expect.stringMatching(/^certbot-[0-9a-f]{12}$/),
    );
    await expect(importing(storage, contents)).resolves.toMatchObject({
      accounts: [['second', 'unchanged']],
      certificates: [['api.example', 'unchanged']],
    });
  });

  it('does not replace a credential that other certificates use', async () => {
    const storage = memoryStorage();
    await importing(storage, contentsOf([api]));
    const variables = { CLOUDFLARE_API_TOKEN: 'another token' };
    const next = await certificateOf('next.example', {
      challenge: { type: 'dns-01', provider: 'dns_cf', variables },
    });
    const { certificates } = await importContents(contentsOf([next]), await contextOf(storage));
    expect(certificates).toMatchObject([
      { result: 'added', omitted: [{ setting: 'CLOUDFLARE_API_TOKEN' }] },
    ]);
    expect(await savedCredentials(storage)).toEqual({ CLOUDFLARE_API_TOKEN: 'token of the host' });
  });

  it.each([
    [{ CF_Token: 'token of the host', Other_Key: 'of another host' }, 'cloudflare', {}],
    [
      { LE_WORKING_DIR: '/home/a/.acme.sh', ACME_SH_DNS: 'dns_cf' },
      'acme.sh',
      { LE_WORKING_DIR: '/home/a/.acme.sh', ACME_SH_DNS: 'dns_cf' },
    ],
    [{}, undefined, undefined],
  ])('writes DNS records with what acme.sh has: %j', async (variables, dnsProvider, recorded) => {
    const storage = memoryStorage();
    const certificate = await certificateOf('dns.example', {
      challenge: { type: 'dns-01', provider: 'dns_cf', variables },
    });
    const context = await contextOf(storage);
    const { certificates } = await importContents(contentsOf([certificate]), context);
    const { proof } = await context.manager.provisioner.certificates.get(certificates[0]!.id!);
    expect(proof).toMatchObject({ challenge: 'dns-01', ...(dnsProvider ? { dnsProvider } : {}) });
    if (recorded) expect(proof!.dnsVariables).toMatchObject(recorded);
    expect(certificates[0]!.omitted).toHaveLength(dnsProvider ? 0 : 1);
    const isSaved = 'CF_Token' in variables;
    expect(await savedCredentials(storage)).toEqual(
      isSaved ? { CF_Token: 'token of the host' } : {},
    );
  });

  it('reports a certificate whose key is of another certificate, and takes over the rest', async () => {
    const storage = memoryStorage();
    const wrong = { ...api, privateKey: site.privateKey };
    const { certificates } = await importContents(
      contentsOf([wrong, site]),
      await contextOf(storage),
    );
    expect(certificates).toMatchObject([
      { name: 'api.example', result: 'failed', error: { code: 'ERR_ORCHESTRATOR_INPUT' } },
      { name: 'site.example', result: 'added' },
    ]);
  });
});
