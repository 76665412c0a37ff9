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
import { parseChain } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { addressPolicy } from '@acmex/egress';
import { revokeCertificate } from '@acmex/protocol';
import { inProcessQueue } from '@acmex/scheduler';
import { freePort, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
async function startCa(
  clock: Clock,
  httpPort: number,
  { termsOfService }: { readonly termsOfService?: string } = {},
) {
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
    ...(termsOfService === undefined ? {} : { termsOfService }),
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

describe('the revocation of a certificate', () => {
  let ca: Awaited<ReturnType<typeof startCa>>;
  let storage: Storage;
  let httpPort: number;
  let id: string;
  const registered: string[] = [];
  const managerOf = (accountName: string, agreed = true) =>
    certificateManager({
      storage,
      issuers: [{ name: 'ca', title: 'the test CA', directory: ca.directory, agreed, accountName }],
      challenge: { challenge: 'http-01', httpPort, httpHost: '127.0.0.1' },
      onRegistered: (account) => registered.push(account),
    });
  beforeEach(async () => {
    httpPort = await freePort();
    ca = await startCa(systemClock, httpPort, { termsOfService: 'https://ca.test/terms' });
    storage = memoryStorage();
    const first = managerOf('first');
    const names = ['shop.test'];
    ({ id } = await first.provisioner.certificates.add({
      ...{ names, issuer: 'ca', keyType: 'ec-p256' },
    }));
    await expect(first.maintain(id)).resolves.toMatchObject({ outcome: { state: 'succeeded' } });
    registered.length = 0;
  });
  afterEach(async () => {
    await ca?.[Symbol.asyncDispose]();
  });
  const expectRevoked = async () => {
    const { certificates } = managerOf('first').provisioner;
    await expect(certificates.get(id)).resolves.toMatchObject({
      current: { revokedAt: expect.any(String), revocationReason: 'superseded' },
    });
    const { chain } = (await certificates.generation(id, 1))!;
    const session = await managerOf('first').connect({ issuer: 'ca', names: ['shop.test'] });
    await expect(
      session.withSession((account) => revokeCertificate(account, parseChain(chain)[0]!.der)),
    ).resolves.toBe('already-revoked');
  };

  it("is signed by the certificate's key where the CA refuses the account: C29", async () => {
    const { provisioner } = managerOf('second');
    await expect(provisioner.revoke(id, { signer: 'account' })).rejects.toMatchObject({
      code: 'ERR_ACME_UNAUTHORIZED',
    });
    await provisioner.revoke(id, { reason: 'superseded' });
    await expectRevoked();
  });

  it.each([
    ['no account can be registered', undefined],
    ['that key is wanted', 'certificate'],
  ] as const)(
    "is signed by the certificate's key where %s, and registers no account",
    async (_, signer) => {
      const { provisioner } = managerOf('second', signer !== undefined);
      await expect(provisioner.drillRevocation(id, { signer })).resolves.toBe('certificate');
      await provisioner.revoke(id, { reason: 'superseded', signer });
      expect(registered).toEqual([]);
      await expectRevoked();
    },
  );
});
