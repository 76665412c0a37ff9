import { X509Certificate } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentCrl, loadAuthority } from '@acmex/ca';
import { systemClock, virtualClock } from '@acmex/clock';
import { removeFolder } from '@acmex/services';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { type Serving, serving, startCa, tenantKey, type TestCa } from '../serving.testing.ts';

const toml = `
[audit]
enabled = true
[tenants.default]
names = ["*"]
[tenants.one]
names = ["*.one.test"]
`;
let folder: string;
/** Of the server and of the CA. */
let storage: Storage;
let ca: TestCa;
let server: Serving;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-own-ca-'));
  storage = fileStorage({ path: join(folder, 'data') });
  ca = await startCa({ storage });
  server = await serving({ ca, toml, folder });
  for (const name of ['first.test', 'second.test', 'third.test']) {
    const { body } = await server.call('POST', '/api/orders', { body: { names: [name] } });
    await server.call('GET', `/api/orders/${body.id}/events`);
  }
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
  await storage[Symbol.asyncDispose]();
  await removeFolder(folder);
});

const get = async (path: string) => (await server.call('GET', `/api/ca${path}`)).body;
const namesOf = (items: readonly { readonly names: readonly string[] }[]) =>
  items.map(({ names }) => names[0]);
const serialOf = async (name: string): Promise<string> =>
  (await get(`/certificates?contains=${name}`)).items[0].serialNumber;
const auditedAs = async (type: string) =>
  (await server.call('GET', `/api/audit?type=${type}`)).body.items;

/** Signs the CRL of the CA as it was some days ago, if one is due then. */
async function signCrl(daysAgo: number): Promise<void> {
  const { issuer } = await loadAuthority(storage, { kind: 'development' });
  const now = systemClock.now().subtract({ hours: 24 * daysAgo });
  await currentCrl(
    {
      ...{ storage, issuer, clock: virtualClock({ now: now.toString() }) },
      lifetimes: { crl: Temporal.Duration.from({ hours: 7 * 24 }) },
    },
    {
      onError(error) {
        throw error;
      },
    },
  );
}

describe('the own CA of a server', () => {
  it('is shown with its root, and with how its revocation list is', async () => {
    const { authority } = await get('');
    expect(authority).toMatchObject({
      kind: 'development',
      root: { pem: ca.root, certificate: { isCa: true } },
      issuers: [{ generation: 1, certificate: { issuer: authority.root.certificate.subject } }],
    });
    expect(authority.issuers[0].crl).toBeUndefined();
    for (const [daysAgo, state] of [
      [10, 'overdue'],
      [5, 'due'],
      [0, 'current'],
    ] as const) {
      await signCrl(daysAgo);
      const { crl } = (await get('')).authority.issuers[0];
      expect(crl).toMatchObject({ state, isComplete: true });
    }
  });

  it('has what it issued in pages, the newest first', async () => {
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const { items, next } = await get(`/certificates?limit=1${cursor}`);
      seen.push(...namesOf(items));
      if (next === undefined) break;
      cursor = `&cursor=${next}`;
    }
    expect(seen).toEqual(['third.test', 'second.test', 'first.test']);
  });

  it('finds what it issued by a part of a name, by serial number, status, profile and time', async () => {
    const serial = await serialOf('second');
    const withColons = serial.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');
    const { issuedAt } = (await get(`/certificates/${serial}`)) as { issuedAt: string };
    for (const query of [
      'contains=SECOND',
      `serialNumber=${serial}`,
      `serialNumber=${encodeURIComponent(withColons)}&status=valid`,
      `serialNumber=${serial}&profile=default&since=${issuedAt}`,
    ])
      expect([query, namesOf((await get(`/certificates?${query}`)).items)]).toEqual([
        query,
        ['second.test'],
      ]);
    for (const query of [
      'contains=nothing',
      'status=expired',
      'profile=clientAuth',
      `serialNumber=${serial}&status=revoked`,
      `serialNumber=${serial}&until=${issuedAt}`,
      'serialNumber=ab12',
      'until=2020-01-01T00:00:00Z',
    ])
      expect([query, (await get(`/certificates?${query}`)).items]).toEqual([query, []]);
  });

  it('shows a certificate with its chain as PEM', async () => {
    const serial = await serialOf('first');
    const { pem, chain, names, account } = await get(`/certificates/${serial}`);
    expect(new X509Certificate(pem).serialNumber.toLowerCase()).toBe(serial.padStart(32, '0'));
    expect([names, chain.length]).toEqual([['first.test'], 2]);
    expect(account).toMatch(/^acc_/);
  });

  it('revokes a certificate for a reason, and records who did it', async () => {
    const serial = await serialOf('third');
    const path = `/api/ca/certificates/${serial}/revoke`;
    const { status, body } = await server.call('POST', path, { body: { reason: 'caCompromise' } });
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        status: 'revoked',
        revoked: { at: expect.any(String), reason: 'caCompromise' },
      }),
    ]);
    expect(namesOf((await get('/certificates?status=revoked')).items)).toEqual(['third.test']);
    expect((await get('')).authority.issuers[0].crl.isComplete).toBe(false);
    const [{ origin, actions }] = await auditedAs('ca_certificate_revoked');
    expect(origin).toMatchObject({ actor: expect.stringMatching(/^key_/), address: '127.0.0.1' });
    expect(actions).toMatchObject([{ certificate: serial, message: 'reason 2' }]);
    await expect(
      server.call('POST', path, { body: { reason: 'certificateHold' } }),
    ).resolves.toMatchObject({ status: 422, body: { code: 'ERR_SERVER_BODY' } });
  });

  it('makes and revokes external accounts, whose key is in one answer alone', async () => {
    const created = await server.call('POST', '/api/ca/external-accounts', {
      body: { description: 'Web team', isReusable: true },
    });
    const { id, hmacKey } = created.body;
    expect(created).toMatchObject({ status: 201, body: { description: 'Web team' } });
    expect(Buffer.from(hmacKey, 'base64url')).toHaveLength(32);
    expect(created.headers.get('cache-control')).toBe('no-store');
    const listed = await server.call('GET', '/api/ca/external-accounts');
    expect(listed.body.items).toMatchObject([{ id, state: 'unused', isReusable: true }]);
    expect(listed.text).not.toContain(hmacKey);
    const { status } = await server.call('DELETE', `/api/ca/external-accounts/${id}`);
    expect(status).toBe(204);
    expect((await get('/external-accounts')).items).toMatchObject([{ id, state: 'revoked' }]);
    for (const type of ['ca_external_account_created', 'ca_external_account_revoked'])
      expect(await auditedAs(type)).toMatchObject([
        { origin: { actor: expect.stringMatching(/^key_/) }, actions: [{ type }] },
      ]);
  });

  it('belongs to the operator: a key of a tenant, or one for some names, is refused', async () => {
    const narrow = await server.makeKey({ scopes: ['ca:read', 'ca:write'], names: ['a.test'] });
    const body = { reason: 'superseded' };
    for (const key of [narrow, await tenantKey(server, 'one')])
      for (const [method, path, more] of [
        ['GET', '', {}],
        ['GET', '/certificates', {}],
        ['GET', '/certificates/ab12', {}],
        ['POST', '/certificates/ab12/revoke', { body }],
        ['GET', '/external-accounts', {}],
        ['POST', '/external-accounts', { body: {} }],
        ['DELETE', '/external-accounts/eab_01kax2b0000000000000000000', {}],
      ] as const)
        await expect(
          server.call(method, `/api/ca${path}`, { key, ...more }),
        ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_FORBIDDEN' } });
    const reader = await server.makeKey({ scopes: ['ca:read'] });
    await expect(
      server.call('POST', '/api/ca/external-accounts', { key: reader, body: {} }),
    ).resolves.toMatchObject({ status: 403 });
  });
});

it('shows that a storage has no CA', async () => {
  await using bare = await serving();
  await expect(bare.call('GET', '/api/ca')).resolves.toMatchObject({ status: 200, text: '{}' });
});
