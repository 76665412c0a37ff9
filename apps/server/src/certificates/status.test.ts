import { createHash, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { createSelfSigned, webcrypto } from '@acmex/certificate';
import { systemClock, virtualClock } from '@acmex/clock';
import { findIssuer, type Trust, trustOnly } from '@acmex/manager';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { StatusChecks, type StatusRequest } from './status-checks.ts';

const noop = () => undefined;

describe('the status of a certificate', () => {
  let ca: TestCa;
  let server: Serving;
  beforeAll(async () => {
    ca = await startCa();
    server = await serving({ ca });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await ca[Symbol.asyncDispose]();
  });

  it('says what was seen and when, and never good without a proof', async () => {
    const {
      body: { id: order, certificate: id },
    } = await server.call('POST', '/api/orders', { body: { names: ['localhost'] } });
    await server.call('GET', `/api/orders/${order}/events`);
    const { status, body } = await server.call('GET', `/api/certificates/${id}/status`);
    expect([status, body]).toEqual([
      200,
      {
        id,
        generation: 1,
        chain: {
          status: 'valid',
          seenAt: expect.any(String),
          path: [expect.any(String), expect.any(String), expect.any(String)],
          anchor: {
            subject: expect.any(String),
            fingerprint: createHash('sha256')
              .update(new X509Certificate(ca.root).raw)
              .digest('hex'),
            source: 'issuer',
            issuer: 'custom',
          },
        },
        revocation: {
          status: 'unknown',
          seenAt: expect.any(String),
          reason: expect.stringContaining('80 or 443 alone is permitted'),
        },
        served: expect.arrayContaining([
          expect.objectContaining({
            host: 'localhost',
            port: 443,
            status: 'unknown',
            reason: expect.stringContaining('loopback'),
          }),
        ]),
      },
    ]);
    const again = await server.call('GET', `/api/certificates/${id}/status`);
    expect(again.body).toEqual(body);
  });

  it('is only for those who may see the certificate, and only where there is a certificate', async () => {
    const key = await server.makeKey({ scopes: ['certificates:read'], names: ['other.test'] });
    const { body } = await server.call('GET', '/api/certificates?name=localhost');
    const path = `/api/certificates/${body.items[0].id}/status`;
    await expect(server.call('GET', path, { key })).resolves.toMatchObject({ status: 404 });
    ca.refused.add('refused.test');
    const refused = await server.call('POST', '/api/orders', { body: { names: ['refused.test'] } });
    await expect(
      server.call('GET', `/api/certificates/${refused.body.certificate}/status`),
    ).resolves.toMatchObject({ status: 404 });
  });
});

it('stores what the configuration names for a CA with the certificates of the CA', async () => {
  await using ca = await startCa();
  await using folder = await temporaryFolder('anchors');
  const [anchors = ''] = rootCertificates;
  const [root, extra] = ['root.pem', 'extra.pem'].map((file) => join(folder.path, file));
  await writeFile(extra!, anchors);
  const toml = `[issuers.corp]\ndirectory = "${ca.directory}"\nca_certificate = "${root}"\ntrust_anchors = ["${extra}"]\n`;
  await using server = await serving({ ca, toml, folder: folder.path });
  const body = { names: ['localhost'], issuer: 'corp' };
  await expect(server.call('POST', '/api/orders', { body })).resolves.toMatchObject({
    body: { certificate: expect.any(String) },
  });
  await expect(
    findIssuer(fileStorage({ path: join(folder.path, 'data') }), 'corp'),
  ).resolves.toMatchObject({
    caCertificate: new X509Certificate(ca.root).toString(),
    trustAnchors: new X509Certificate(anchors).toString(),
  });
});

describe('the checks of certificates', () => {
  let chain: string;
  beforeAll(async () => {
    const key = await webcrypto().generate('ec-p256');
    chain = await createSelfSigned({ identifiers: [{ type: 'ip', value: '127.0.0.1' }], key });
  });
  const request = (tenant: string, id: string): StatusRequest => ({
    tenant: {
      name: tenant,
      storage: memoryStorage(),
      manager: {
        trust: async () => trustOnly([]),
        config: { values: { renewal: { revocation: { allow: [] } } } },
      },
    },
    id,
    issuer: 'custom',
    generation: 1,
    names: ['127.0.0.1'],
    chain,
    signal: new AbortController().signal,
  });
  const checks = (clock = virtualClock({ now: systemClock.now() })) => ({
    clock,
    checks: new StatusChecks({ clock, signal: new AbortController().signal }),
  });

  it('are shared by all who ask within a minute', async () => {
    const { checks: shared, clock } = checks();
    const [first, second] = await Promise.all([
      shared.of(request('a', '1')),
      shared.of(request('a', '1')),
    ]);
    expect(second).toBe(first);
    await clock.advance('PT59S');
    expect(await shared.of(request('a', '1'))).toBe(first);
    await clock.advance('PT2S');
    const later = await shared.of(request('a', '1'));
    expect(later.served[0]?.seenAt).not.toBe(first.served[0]?.seenAt);
  });

  it('end for those whose signal aborts, with its reason, and continue for others', async () => {
    const { checks: shared } = checks();
    let answerTrust: (trust: Trust) => void = noop;
    const trust = new Promise<Trust>((resolve) => {
      answerTrust = resolve;
    });
    const hanging = request('a', '1');
    const { manager } = hanging.tenant;
    const tenant = { ...hanging.tenant, manager: { ...manager, trust: async () => await trust } };
    const ending = new AbortController();
    const ended = shared.of({ ...hanging, tenant, signal: ending.signal });
    const result = shared.of({ ...hanging, tenant });
    const reason = new Error('the key has ended');
    ending.abort(reason);
    await expect(ended).rejects.toBe(reason);
    answerTrust(trustOnly([]));
    await expect(result).resolves.toMatchObject({ chain: { status: 'invalid' } });
  });

  it('are at most 4 at once for a tenant, which does not stop another tenant', async () => {
    const { checks: bounded } = checks();
    const running = ['1', '2', '3', '4'].map((id) => bounded.of(request('a', id)));
    await expect(bounded.of(request('a', '5'))).rejects.toMatchObject({ code: 'ERR_SERVER_BUSY' });
    await expect(bounded.of(request('b', '5'))).resolves.toBeDefined();
    await Promise.all(running);
    await expect(bounded.of(request('a', '5'))).resolves.toBeDefined();
  });
});
