import { X509Certificate } from 'node:crypto';
import { ariCertificateId, parseChain } from '@acmex/certificate';
import { type Clock, virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { base, issue, passphrase, postAs, raw, testAuthority, testCa } from '../ca.testing.ts';
import {
  createDevelopmentAuthority,
  createIssuing,
  followAuthority,
  type Issuer,
  type Issuers,
  loadAuthority,
  renewRootCrl,
  replaceIssuing,
  saveAuthority,
} from '../index.ts';
import { x509 } from './x509.ts';

const copy = (bytes: Uint8Array) => Uint8Array.from(bytes);

async function nextIssuing(clock: Clock, issuingDays = 1095) {
  const { root, issuing, rootKey } = await testAuthority();
  return await createIssuing({
    ...{ root, issuing, passphrase, clock, issuingDays },
    rootKey: copy(rootKey!),
    keyType: 'ec-p256',
  });
}

/** A CA that runs, and follows the CA of its storage. */
async function following() {
  const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
  const storage = memoryStorage();
  const authority = await testAuthority();
  await saveAuthority(storage, { ...authority, issuingKey: copy(authority.issuingKey) });
  const errors: unknown[] = [];
  const presentIssuers = await followAuthority(storage, {
    kind: 'private',
    clock,
    onError: (error) => errors.push(error),
  });
  const { issuer } = await presentIssuers();
  const ca = await testCa({ storage, clock, issuer, presentIssuers });
  return { ca, clock, storage, errors, account: await ca.account() };
}

/** A CA with one certificate, and the same after its issuing certificate was replaced. */
async function exchanged() {
  const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
  const storage = memoryStorage();
  const authority = await testAuthority();
  await saveAuthority(storage, { ...authority, issuingKey: copy(authority.issuingKey) });
  const first = await loadAuthority(storage, { kind: 'private', clock });
  const before = await testCa({ storage, clock, issuer: first.issuer });
  const account = await before.account();
  const old = await issue(before, account, ['a.test']);
  const { root } = authority;
  await replaceIssuing(storage, await nextIssuing(clock));
  const { issuer, previousIssuers } = await loadAuthority(storage, { kind: 'private', clock });
  const ca = await before.restarted({ issuer, previousIssuers });
  const client = await ca.account();
  return { ca, root, old, account, client, renewed: await issue(ca, client, ['a.test']) };
}

type Exchanged = Awaited<ReturnType<typeof exchanged>>;

async function revoked({ ca }: Pick<Exchanged, 'ca'>, path: string) {
  const answer = await ca.server.handler(new Request(base + path));
  return new x509.X509Crl(await answer.arrayBuffer()).entries.map(
    ({ serialNumber }) => serialNumber,
  );
}

const urlsOf = (der: Uint8Array) =>
  Buffer.from(der)
    .toString('latin1')
    .match(/https:\/\/ca\.test\/acme\/(crl|issuer)(\/\d)?/g)
    ?.sort();

describe('an issuing certificate that replaces another', () => {
  it('has the name with a number, the constraints, and the root of the first', async () => {
    const { old, renewed, root } = await exchanged();
    const [first, second] = [old, renewed].map(({ pem }) => parseChain(pem)[1]!);
    expect([first?.subject, second?.subject]).toEqual(['CN=Test Issuing', 'CN=Test Issuing 2']);
    for (const { pem } of [old, renewed]) {
      const [leaf, issuing] = parseChain(pem).map(
        (certificate) => new X509Certificate(certificate.pem),
      );
      expect(leaf!.verify(issuing!.publicKey)).toBe(true);
      expect(issuing!.verify(new X509Certificate(root).publicKey)).toBe(true);
    }
    const constraints = [first, second].map((certificate) =>
      Buffer.from(
        new x509.X509Certificate(copy(certificate!.der)).getExtension('2.5.29.30')!.value,
      ).toString('hex'),
    );
    expect(constraints[0]).toBe(constraints[1]);
  });

  it('has its own CRL, and the first still signs that of what it issued', async () => {
    const { ca, old, renewed, account, client } = await exchanged();
    expect(urlsOf(old.leaf.der)).toEqual([`${base}/crl`, `${base}/issuer`]);
    expect(urlsOf(renewed.leaf.der)).toEqual([`${base}/crl/2`, `${base}/issuer/2`]);
    for (const [{ key, url }, { leaf }] of [
      [account, old],
      [client, renewed],
    ] as const)
      await postAs(ca, { key, url }, '/revoke-cert', {
        certificate: Buffer.from(leaf.der).toString('base64url'),
      });
    await expect(revoked({ ca }, '/crl')).resolves.toEqual([old.leaf.serialNumber]);
    await expect(revoked({ ca }, '/crl/2')).resolves.toEqual([renewed.leaf.serialNumber]);
    await expect(raw(ca, '/crl/3')).resolves.toMatchObject({ status: 404 });
    const issuer = await ca.server.handler(new Request(`${base}/issuer`));
    expect(new X509Certificate(Buffer.from(await issuer.arrayBuffer())).subject).toBe(
      'CN=Test Issuing',
    );
  });

  it('renews what the first issued', async () => {
    const { ca, old, account } = await exchanged();
    const replaces = ariCertificateId(old.leaf);
    await expect(raw(ca, `/renewal-info/${replaces}`)).resolves.toMatchObject({ status: 200 });
    await expect(
      postAs(ca, account, '/new-order', {
        identifiers: [{ type: 'dns', value: 'a.test' }],
        replaces,
      }),
    ).resolves.toMatchObject({ status: 201, json: { replaces } });
  });

  it('is refused without the key of the root, and for a development CA', async () => {
    const { root, issuing, issuingKey } = await testAuthority();
    await expect(
      createIssuing({ root, issuing, rootKey: copy(issuingKey), passphrase }),
    ).rejects.toMatchObject({ code: 'ERR_CA_CERTIFICATE' });
    const storage = memoryStorage();
    const development = await createDevelopmentAuthority();
    await saveAuthority(storage, development);
    await expect(
      replaceIssuing(storage, { root, issuing, issuingKey: copy(issuingKey) }),
    ).rejects.toMatchObject({ code: 'ERR_CA_DEVELOPMENT' });
  });
});

describe('a server that follows its CA', () => {
  it('issues with a new issuing certificate as soon as another process has stored it', async () => {
    const { ca, clock, storage, account, errors } = await following();
    const old = await issue(ca, account, ['a.test']);
    await expect(raw(ca, '/crl/2')).resolves.toMatchObject({ status: 404 });
    await replaceIssuing(storage, await nextIssuing(clock));
    const renewed = await issue(ca, account, ['a.test']);
    expect([old, renewed].map(({ leaf }) => leaf.issuer)).toEqual([
      'CN=Test Issuing',
      'CN=Test Issuing 2',
    ]);
    for (const { leaf } of [old, renewed])
      await postAs(ca, account, '/revoke-cert', {
        certificate: Buffer.from(leaf.der).toString('base64url'),
      });
    await expect(revoked({ ca }, '/crl')).resolves.toEqual([old.leaf.serialNumber]);
    await expect(revoked({ ca }, '/crl/2')).resolves.toEqual([renewed.leaf.serialNumber]);
    expect(errors).toEqual([]);
  });

  it('still issues with the earlier one where the new key cannot be used, and says so once', async () => {
    const { ca, clock, storage, account, errors } = await following();
    const next = await nextIssuing(clock);
    const issuingKey = Buffer.from('pkcs11:token=elsewhere;object=issuing');
    await replaceIssuing(storage, { ...next, issuingKey });
    for (const name of ['a.test', 'b.test']) {
      const { leaf } = await issue(ca, account, [name]);
      expect(leaf.issuer).toBe('CN=Test Issuing');
    }
    expect(errors).toHaveLength(1);
  });

  it('issues what was already decided with the earlier one where the new one ends too soon', async () => {
    const { clock, storage, ca: first } = await following();
    await replaceIssuing(storage, await nextIssuing(clock, 1));
    const { issuer } = await loadAuthority(storage, { kind: 'private', clock });
    let present: Issuers = { issuer: first.issuer };
    const presentIssuers = async () => present;
    const earlier: Issuer = {
      ...first.issuer,
      issue: async () => {
        present = { issuer, previousIssuers: [first.issuer] };
        throw new Error('the process ended');
      },
    };
    present = { issuer: earlier };
    const ca = await first.restarted({ presentIssuers });
    const { leaf } = await issue(ca, await ca.account(), ['a.test']);
    expect(leaf.issuer).toBe('CN=Test Issuing');
    const later = await issue(ca, await ca.account(), ['a.test']);
    expect(later.leaf.issuer).toBe('CN=Test Issuing 2');
  });
});

describe('a CA with an earlier issuing certificate whose key cannot be opened', () => {
  const keyOfFirst = 'ca/authority-key/issuing-1';
  type Change = (record: { pem: string }) => object | undefined;

  /** A CA that issued a certificate and a CRL, got another issuing certificate, and starts again. */
  async function restarted(change: Change) {
    const { ca: before, clock, storage, account } = await following();
    const { leaf } = await issue(before, account, ['a.test']);
    await raw(before, '/crl');
    await replaceIssuing(storage, await nextIssuing(clock));
    const { value, version } = (await storage.get(keyOfFirst))!;
    const record = JSON.parse(Buffer.from(value).toString());
    const write = async (next: object | undefined) => {
      const present = await storage.get(keyOfFirst);
      await storage.write([
        next === undefined
          ? { remove: keyOfFirst }
          : { set: keyOfFirst, value: Buffer.from(JSON.stringify(next)), secret: true },
      ]);
      return present?.version;
    };
    expect(await write(change(record))).toBe(version);
    const warnings: unknown[] = [];
    const presentIssuers = await followAuthority(storage, {
      kind: 'private',
      clock,
      onError: (error) => warnings.push(error),
      onUnusableIssuer: (error) => warnings.push(error),
    });
    const { issuer } = await presentIssuers();
    const ca = await before.restarted({ issuer, presentIssuers });
    const restore = async () => void (await write(record));
    return { ca, clock, warnings, leaf, account, restore };
  }

  it.each<[string, Change]>([
    ['is in a device that is not here', (record) => ({ ...record, pem: 'pkcs11:token=away' })],
    ['is damaged', ({ pem, ...record }) => ({ ...record, pem: `${pem.slice(0, 60)}\n-----END` })],
    ['is not in the storage', () => undefined],
    ['has a record without its key', ({ pem, ...record }) => ({ ...record, key: pem })],
  ])('starts and issues where the key %s, and warns', async (_, change) => {
    const { ca, warnings } = await restarted(change);
    const { leaf } = await issue(ca, await ca.account(), ['b.test']);
    expect(leaf.issuer).toBe('CN=Test Issuing 2');
    expect(warnings).toEqual([
      expect.objectContaining({
        code: 'ERR_CA_KEY_UNAVAILABLE',
        message: expect.stringMatching(/the earlier issuing certificate CN=Test Issuing, .*CRL/),
      }),
    ]);
  });

  it('serves its last CRL until that ends, says so then, and signs again with the key', async () => {
    const { ca, clock, warnings, account, leaf, restore } = await restarted((record) => ({
      ...record,
      pem: 'pkcs11:token=away',
    }));
    const certificate = Buffer.from(leaf.der).toString('base64url');
    const revocation = await postAs(ca, account, '/revoke-cert', { certificate });
    expect(revocation.status).toBe(200);
    await expect(revoked({ ca }, '/crl')).resolves.toEqual([]);
    await clock.advance({ hours: 7 * 24 - 1 });
    for (let request = 0; request < 3; request++)
      await expect(raw(ca, '/crl')).resolves.toMatchObject({ status: 200 });
    expect(warnings).toHaveLength(2);
    await clock.advance({ hours: 1 });
    await expect(raw(ca, '/crl')).resolves.toMatchObject({
      status: 503,
      json: { detail: expect.stringContaining('the last CRL of this issuer has ended') },
    });
    await restore();
    await clock.advance({ minutes: 10 });
    await expect(revoked({ ca }, '/crl')).resolves.toEqual([leaf.serialNumber]);
    await expect(raw(ca, '/crl/2')).resolves.toMatchObject({ status: 200 });
    expect(warnings).toHaveLength(3);
  });

  it('does not start where the key that issues cannot be opened, and names its certificate', async () => {
    const { storage, clock } = await following();
    const next = await nextIssuing(clock);
    await replaceIssuing(storage, { ...next, issuingKey: Buffer.from('pkcs11:token=away') });
    await expect(loadAuthority(storage, { kind: 'private', clock })).rejects.toMatchObject({
      code: 'ERR_CA_KEY_UNAVAILABLE',
      message: expect.stringMatching(
        /^the key of the issuing certificate CN=Test Issuing 2 cannot/,
      ),
    });
  });
});

describe("the root's list", () => {
  it('has an issuing certificate once, however often it is revoked, and only one that is replaced', async () => {
    const { storage, clock } = await following();
    const { rootKey, issuing } = await testAuthority();
    const serialOf = (pem: string) => new X509Certificate(pem).serialNumber.toLowerCase();
    const first = serialOf(issuing);
    const renewed = async (...revoke: readonly string[]) => {
      const request = { rootKey: copy(rootKey!), passphrase, revoke, clock };
      const { der } = await renewRootCrl(storage, request);
      return new x509.X509Crl(copy(der)).entries.map(({ serialNumber }) => serialNumber);
    };
    await expect(renewed(first)).rejects.toMatchObject({ code: 'ERR_CA_IN_USE' });
    await replaceIssuing(storage, await nextIssuing(clock));
    await expect(renewed('00ff')).rejects.toMatchObject({ code: 'ERR_CA_NO_CERTIFICATE' });
    await expect(renewed(first, first)).resolves.toEqual([first]);
    await expect(renewed(first)).resolves.toEqual([first]);
    await expect(renewed()).resolves.toEqual([first]);
  });
});
