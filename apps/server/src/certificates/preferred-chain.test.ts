import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chainName, parseChain } from '@acmex/certificate';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

/** The CA offers three chains: with its intermediate, with its root too, and the leaf alone. */
const leafOf = (chain: string) => parseChain(chain)[0]!.pem;
let ca: TestCa;
let server: Serving;
let folder: string;
/** How the chain with the root and the chain of the leaf alone are named. */
const names = { root: '', intermediate: '' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-chain-'));
  const shortNames = new Set<string>();
  ca = await startCa({
    alternatesOf: (first, root) => {
      shortNames.add(chainName(leafOf(first)));
      return [first + root, leafOf(first)];
    },
  });
  await writeFile(join(folder, 'root.pem'), ca.root);
  names.root = parseChain(ca.root)[0]!.fingerprint;
  await using first = await serving({ ca });
  await ended(first, { names: ['first.test'] });
  [names.intermediate = ''] = shortNames;
  server = await serving({
    ca,
    toml: `
[issuers.short]
directory = "${ca.directory}"
ca_certificate = "${folder}/root.pem"
tos_agreed = true
preferred_chain = "${names.intermediate}"
[[certificates]]
names = ["issuer.test"]
issuer = "short"
[[certificates]]
names = ["entry.test"]
issuer = "short"
preferred_chain = "${names.root}"
`,
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
  await removeFolder(folder);
});

/** Orders a certificate, waits for it, and returns its id. */
const ended = async ({ call }: Serving, body: object) => {
  const { status, text, body: order } = await call('POST', '/api/orders', { body });
  expect([status, text]).toEqual([202, text]);
  await call('GET', `/api/orders/${order.id}/events`);
  return String(order.certificate);
};
/** Declares a certificate, waits for its order where there is one, and returns what it is then. */
const declared = async (name: string, body: object) => {
  const { body: certificate } = await server.call('PUT', `/api/certificates/${name}`, { body });
  if (certificate.order) await server.call('GET', `/api/orders/${certificate.order}/events`);
  const { body: now } = await server.call('GET', `/api/certificates/${certificate.id}`);
  return { ...now, wasOrdered: certificate.order !== undefined };
};
const sizeOf = async (id: string) =>
  parseChain((await server.call('GET', `/api/certificates/${id}/chain`)).text).length;
const sizes = { first: 2, withRoot: 3, leaf: 1 };

describe('the preferred chain of a certificate', () => {
  it.each([
    ['its entry in the configuration, before that of its issuer', 'entry.test', sizes.withRoot],
    ['its issuer, where its entry names none', 'issuer.test', sizes.leaf],
  ])('is that of %s', async (_, name, size) => {
    const { body } = await server.call('GET', '/api/certificates');
    const { id } = body.items.find((item: { names: string[] }) => item.names[0] === name);
    const { body: orders } = await server.call('GET', `/api/orders?certificate=${id}`);
    for (const order of orders.items) await server.call('GET', `/api/orders/${order.id}/events`);
    await expect(sizeOf(id)).resolves.toBe(size);
  });

  it('is that of an order of the API, and by default that of its issuer', async () => {
    const preferredChain = names.root;
    const orders = [
      [{ names: ['a.test'] }, sizes.first],
      [{ names: ['b.test'], issuer: 'short' }, sizes.leaf],
      [{ names: ['c.test'], issuer: 'short', preferredChain }, sizes.withRoot],
      [{ names: ['d.test'], preferredChain: names.intermediate }, sizes.leaf],
    ] as const;
    const actual = orders.map(async ([body]) => await sizeOf(await ended(server, body)));
    await expect(Promise.all(actual)).resolves.toEqual(orders.map(([, size]) => size));
  });

  it('is changed by the API, which orders the certificate again once', async () => {
    const preferredChain = names.root.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:');
    const { id } = await declared('rest.test', {});
    await expect(sizeOf(id)).resolves.toBe(sizes.first);
    await expect(declared('rest.test', { preferredChain })).resolves.toMatchObject({
      ...{ id, preferredChain, wasOrdered: true },
      current: { generation: 2 },
    });
    await expect(sizeOf(id)).resolves.toBe(sizes.withRoot);
    await expect(declared('rest.test', { preferredChain })).resolves.toMatchObject({
      ...{ wasOrdered: false },
      current: { generation: 2 },
    });
  });

  it('is changed by PATCH like every other value that PUT takes', async () => {
    const patch = async (id: string, body: object) => {
      const reply = await server.call('PATCH', `/api/certificates/${id}`, { body });
      expect([reply.status, reply.text]).toEqual([200, reply.text]);
      const { order } = reply.body;
      if (order) await server.call('GET', `/api/orders/${order}/events`);
      const { body: now } = await server.call('GET', `/api/certificates/${id}`);
      return { ...now, wasOrdered: order !== undefined };
    };
    const { id } = await declared('patch.test', { labels: { team: 'web' } });
    const preferredChain = names.root;
    await expect(patch(id, { preferredChain })).resolves.toMatchObject({
      ...{ preferredChain, wasOrdered: true, labels: { team: 'web' } },
      current: { generation: 2 },
    });
    await expect(sizeOf(id)).resolves.toBe(sizes.withRoot);
    await expect(patch(id, { preferredChain, challenge: 'http-01' })).resolves.toMatchObject({
      ...{ wasOrdered: false, current: { generation: 2 } },
    });
    const removed = await patch(id, { preferredChain: null, keyType: 'ec-p384' });
    expect(removed.preferredChain).toBeUndefined();
    expect(removed).toMatchObject({ wasOrdered: true, keyType: 'ec-p384' });
    await expect(sizeOf(id)).resolves.toBe(sizes.first);
    await expect(patch(id, { names: ['new.test', 'patch.test'] })).resolves.toMatchObject({
      ...{ id, names: ['new.test', 'patch.test'], wasOrdered: true, keyType: 'ec-p384' },
    });
    await expect(patch(id, { issuer: 'short' })).resolves.toMatchObject({
      ...{ issuer: 'short', preferredChain: names.intermediate, wasOrdered: true },
    });
    await expect(patch(id, { paused: true, keyType: 'rsa-2048' })).resolves.toMatchObject({
      ...{ state: 'paused', keyType: 'rsa-2048', wasOrdered: false },
    });
  });

  it('and the other values are checked by PATCH as by PUT', async () => {
    const { id } = await declared('checked.test', {});
    const refused = async (body: object, key = server.key) => {
      const reply = await server.call('PATCH', `/api/certificates/${id}`, { body, key });
      return [reply.status, reply.body.code, reply.body.errors?.[0]?.pointer];
    };
    const { body: before } = await server.call('GET', `/api/certificates/${id}`);
    await expect(refused({ issuer: 'unknown' })).resolves.toEqual([
      ...[422, 'ERR_SERVER_BODY', '/issuer'],
    ]);
    await expect(refused({ challenge: 'dns-01' })).resolves.toEqual([
      ...[422, 'ERR_SERVER_BODY', '/dnsProvider'],
    ]);
    await expect(refused({ names: ['*.checked.test'] })).resolves.toEqual([
      ...[422, 'ERR_SERVER_BODY', '/challenge'],
    ]);
    const limited = await server.makeKey({
      ...{ scopes: ['certificates:write'], names: ['checked.test'] },
    });
    await expect(refused({ names: ['a.test'] }, limited)).resolves.toEqual([
      ...[403, 'ERR_SERVER_NAMES', undefined],
    ]);
    await expect(server.call('GET', `/api/certificates/${id}`)).resolves.toMatchObject({
      body: before,
    });
  });

  it('is said to be missing where the CA does not offer it', async () => {
    const { id, current } = await declared('missing.test', { preferredChain: 'Unknown (Root)' });
    await expect(sizeOf(id)).resolves.toBe(sizes.first);
    expect(current.warnings).toEqual([
      'no chain of the CA ends in "Unknown (Root)" or has this fingerprint: its first chain is used',
    ]);
  });

  it.each(['https://ca.invalid/', '/etc/passwd', '$(id)', 'a\nb', '', 'x'.repeat(200), 5])(
    'cannot be %j in a request',
    async (preferredChain) => {
      await expect(
        server.call('PUT', '/api/certificates/wrong.test', { body: { preferredChain } }),
      ).resolves.toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/preferredChain' }] },
      });
    },
  );
});
