import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  nodeHandler,
  noLimits,
  revokeIssued,
  saveAuthority,
} from '@acmex/ca';
import { type Clock, systemClock } from '@acmex/clock';
import { type AcmexEvent, outbox } from '@acmex/orchestrator';
import type { RevocationReason } from '@acmex/protocol';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { certificateManager } from './index.ts';

let forward = 0;
/** The system clock, which a test can move forward. */
const clock: Clock = {
  now: () => systemClock.now().add({ hours: forward }),
  monotonic: () => systemClock.monotonic(),
  sleep: async (...args) => await systemClock.sleep(...args),
};
const open: AsyncDisposable[] = [];
let ca: Awaited<ReturnType<typeof startCa>>;
let webroot: string;
beforeAll(async () => {
  ca = await startCa();
  const folder = await temporaryFolder('revocation');
  open.push(folder);
  webroot = folder.path;
});
afterAll(async () => {
  for (const resource of open.reverse()) await resource[Symbol.asyncDispose]();
});

/** Starts a CA on loopback that finds every name validated. */
async function startCa() {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority({ clock }));
  const { issuer } = await loadAuthority(storage, { kind: 'development', clock });
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const acme = acmeServer({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme`,
    ...{ storage, issuer, clock },
    rateLimiter: noLimits(),
    ocsp: true,
    validate: async () => ({ valid: true }),
    onError: ({ error }) => {
      throw error;
    },
  });
  let requests = 0;
  const listener = nodeHandler(acme.handler) as RequestListener;
  server.on('request', (request, response) => {
    if (request.url?.includes('/ocsp') === true) requests += 1;
    listener(request, response);
  });
  open.push(acme, {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  });
  return { storage, directory: acme.directory, statusRequests: () => requests };
}

/** A manager with one certificate, whose key is reused. */
async function managing(allow: readonly string[]) {
  const storage = memoryStorage();
  const manager = certificateManager({
    ...{ storage, clock },
    issuers: [{ name: 'own', title: 'Own', directory: ca.directory, agreed: true }],
    challenge: { challenge: 'http-01', webroot },
    revocation: { every: { hours: 24 }, allow },
  });
  const { certificates } = manager.provisioner;
  const order = await manager.provisioner.submit({
    certificate: { names: ['a.test'], issuer: 'own', keyType: 'ec-p256', reuseKey: true },
  });
  const { certificate: id } = await manager.provisioner.status(order);
  await manager.maintain(id);
  return {
    /** Revokes the certificate in use at the CA. */
    async revoke(reason: RevocationReason) {
      const { current } = await certificates.get(id);
      await revokeIssued(ca.storage, current?.serialNumber ?? '', { reason, clock });
    },
    /** Lets the next check become due, and makes it. */
    async check() {
      forward += 22;
      await manager.maintain(id);
      return (await certificates.get(id)).current;
    },
    async keyOf(generation: number) {
      const chain = (await certificates.generation(id, generation))?.chain ?? '';
      return new X509Certificate(chain).publicKey.export({ type: 'spki', format: 'pem' });
    },
    async detections() {
      const all: AcmexEvent[] = [];
      for await (const event of outbox(storage, { clock }).list()) all.push(event);
      return all.filter(({ type }) => type === 'revocation_detected').map(({ message }) => message);
    },
  };
}

describe('a certificate that its CA has revoked', () => {
  it('is renewed at the next check, with an event, and with the same key where that is wanted', async () => {
    const certificate = await managing(['127.0.0.1']);
    await expect(certificate.check()).resolves.toMatchObject({ generation: 1 });
    await certificate.revoke('superseded');
    const current = await certificate.check();
    expect(current).toMatchObject({ generation: 2 });
    expect(current?.revokedAt).toBeUndefined();
    await expect(certificate.keyOf(2)).resolves.toBe(await certificate.keyOf(1));
    await expect(certificate.detections()).resolves.toEqual([
      expect.stringMatching(/^an OCSP response .*superseded/),
    ]);
  });

  it('gets a new key when its key was compromised', async () => {
    const certificate = await managing(['127.0.0.1']);
    await certificate.revoke('keyCompromise');
    await expect(certificate.check()).resolves.toMatchObject({ generation: 2 });
    await expect(certificate.keyOf(2)).resolves.not.toBe(await certificate.keyOf(1));
    await expect(certificate.detections()).resolves.toEqual([
      expect.stringContaining('keyCompromise'),
    ]);
  });

  it('is not looked up at a private address without permission', async () => {
    const certificate = await managing([]);
    const before = ca.statusRequests();
    await certificate.revoke('superseded');
    await certificate.check();
    expect(ca.statusRequests()).toBe(before);
    await expect(certificate.detections()).resolves.toEqual([]);
  });
});
