import { EventEmitter, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  nodeHandler,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { type Clock, systemClock } from '@acmex/clock';
import { addressPolicy } from '@acmex/egress';
import { inProcessQueue } from '@acmex/scheduler';
import { freePort, temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { certificateManager, deployRecord, worker } from './index.ts';

/** The system clock, which a test can move forward. */
function movableClock(): Clock & { forward(hours: number): void } {
  let hours = 0;
  return {
    now: () => systemClock.now().add({ hours }),
    monotonic: () => systemClock.monotonic(),
    sleep: async (...args) => await systemClock.sleep(...args),
    forward(more) {
      hours += more;
    },
  };
}

/**
 * An ACME server on loopback that issues certificates for 72 hours, and validates http-01 at a
 * port.
 */
async function startCa(clock: Clock, httpPort: number) {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority({ clock }));
  const { issuer } = await loadAuthority(storage, { kind: 'development', clock });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const acme = acmeServer({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme`,
    storage,
    issuer,
    clock,
    rateLimiter: noLimits(),
    profiles: { short: { validity: { hours: 72 } } },
    validate: networkValidator({
      egress: {
        policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
        resolver: async () => ['127.0.0.1'],
      },
      ports: { http: httpPort, https: httpPort },
    }),
    onError: ({ error }) => {
      throw error;
    },
  });
  server.on('request', nodeHandler(acme.handler) as RequestListener);
  return {
    directory: acme.directory,
    async [Symbol.asyncDispose]() {
      await acme[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

it('keeps a certificate current in a file, without a configuration file', async () => {
  const clock = movableClock();
  const httpPort = await freePort();
  await using ca = await startCa(clock, httpPort);
  await using folder = await temporaryFolder('manager');
  const certPath = join(folder.path, 'certificate.pem');
  const manager = certificateManager({
    storage: memoryStorage(),
    issuers: [{ name: 'ca', title: 'the test CA', directory: ca.directory, agreed: true }],
    challenge: { challenge: 'http-01', httpPort, httpHost: '127.0.0.1' },
    clock,
  });
  await manager.provisioner.certificates.add({
    names: ['shop.test'],
    issuer: 'ca',
    keyType: 'ec-p256',
    deploy: deployRecord([{ certPath, keyPath: join(folder.path, 'key.pem') }]),
  });
  const events = new EventEmitter();
  const issued = once(events, 'deployed');
  await using running = worker({
    managers: () => new Map([['', manager]]),
    queue: inProcessQueue({ clock }),
    concurrency: 1,
    clock,
    onMaintained: (_, { outcome, deployed, deployError }) => {
      if (outcome?.state === 'failed') events.emit('error', outcome.error);
      if (deployError !== undefined) events.emit('error', deployError);
      if (deployed !== undefined) events.emit('deployed');
    },
    onError: (what, cause) => events.emit('error', new Error(what, { cause })),
  });
  const read = async () => new X509Certificate(await readFile(certPath));
  await issued;
  const first = await read();
  expect(first.subjectAltName).toBe('DNS:shop.test');

  const renewed = once(events, 'deployed');
  clock.forward(60);
  running.wake();
  await renewed;
  const second = await read();
  expect(second.serialNumber).not.toBe(first.serialNumber);
  expect(Date.parse(second.validTo)).toBeGreaterThan(Date.parse(first.validTo));
});

it("revokes with the certificate's key where the CA refuses the account: C29", async () => {
  const httpPort = await freePort();
  await using ca = await startCa(systemClock, httpPort);
  const storage = memoryStorage();
  const managerOf = (accountName: string) =>
    certificateManager({
      storage,
      issuers: [
        { name: 'ca', title: 'the test CA', directory: ca.directory, agreed: true, accountName },
      ],
      challenge: { challenge: 'http-01', httpPort, httpHost: '127.0.0.1' },
    });
  const first = managerOf('first');
  const { id } = await first.provisioner.certificates.add({
    names: ['shop.test'],
    issuer: 'ca',
    keyType: 'ec-p256',
  });
  await expect(first.maintain(id)).resolves.toMatchObject({ outcome: { state: 'succeeded' } });
  const second = managerOf('second');
  await second.provisioner.revoke(id, { reason: 'superseded' });
  await expect(second.provisioner.certificates.get(id)).resolves.toMatchObject({
    current: { revokedAt: expect.any(String), revocationReason: 'superseded' },
  });
});
