import { createServer, type Server } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { type CompleteBundle, DeployError, type DeployTarget } from '@acmex/deploy';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { certificateManager, deployRecord, type NamedDeployTarget } from './index.ts';

const names = ['a.test'];
const unused = async () => {
  throw new Error('no request is sent to the CA');
};

/** Returns a certificate that was made so many hours after the start of the virtual clock. */
async function obtained(hours: number) {
  const key = await webcrypto().generate('ec-p256');
  const clock = virtualClock();
  await clock.advance({ hours });
  return {
    chain: await createSelfSigned({ identifiers: [{ type: 'dns', value: 'a.test' }], key, clock }),
    privateKey: new TextDecoder().decode(await privateKeyPem(key)),
    source: 'certbot',
  };
}

/** A place that remembers what it was given, and refuses to change while `fault` is set. */
function place() {
  const state = {
    history: [] as string[],
    former: undefined as CompleteBundle | undefined,
    fault: undefined as DeployError | undefined,
    memory: undefined as string | undefined,
    apply: undefined as ((bundle: CompleteBundle) => Promise<void>) | undefined,
  };
  const target: DeployTarget = {
    name: 'place',
    async stage(bundle, { former, memory }) {
      state.former = former;
      state.memory = await memory.read();
      return {
        async apply() {
          if (state.fault) throw state.fault;
          await memory.write(`took ${bundle.serialNumber}`);
          state.history.push(bundle.serialNumber);
          await state.apply?.(bundle);
        },
        async rollBack() {
          if (former && !state.fault) {
            state.history.push(former.serialNumber);
            await state.apply?.(former);
          }
          return { serialNumber: former?.serialNumber };
        },
      };
    },
  };
  return Object.assign(state, { target });
}

/** A manager of one certificate that goes to these targets. */
function managing(targets: Readonly<Record<string, NamedDeployTarget>>) {
  const storage = memoryStorage();
  const clock = virtualClock();
  const manager = certificateManager({
    storage,
    issuers: [{ name: 'ca', title: 'the test CA', directory: 'https://ca.test/', agreed: true }],
    clock,
    watchIssuer: (issuer) => ({ ...issuer, renewalInfo: undefined }),
    deployTargets: {
      open: async (name) => targets[name] ?? (await unused()),
    },
  });
  const deploy = deployRecord(Object.keys(targets).map((to) => ({ to })));
  return {
    manager,
    storage,
    /** Takes over a certificate, and deploys it. */
    async next(hours: number) {
      const { certificate } = await manager.provisioner.adopt(
        { names, issuer: 'ca', keyType: 'ec-p256', deploy },
        await obtained(hours),
        { replace: true },
      );
      const result = await manager.maintain(certificate, { force: 'deploy' });
      const { current } = await manager.provisioner.certificates.get(certificate);
      return { ...result, serialNumber: current?.serialNumber ?? '' };
    },
  };
}

describe('a certificate with deploy targets', () => {
  it('goes to each of them, also where one fails, and the failure has its code', async () => {
    const [first, second, third] = [place(), place(), place()];
    first.fault = new DeployError('ERR_DEPLOY_REFUSED', 'place: it is full');
    third.fault = new DeployError('ERR_DEPLOY_CREDENTIALS', 'place: no');
    const { next } = managing({ first, second, third });
    const { deployed, deployError, serialNumber } = await next(0);
    expect(deployed).toBe('failed');
    expect(deployError).toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringMatching(
        /^the deploy target first: place: it is full.*; the deploy target third: place: no/,
      ),
    });
    expect([first.history, second.history]).toEqual([[], [serialNumber]]);
  });
  it('is replaced by the next one, and the target gets what it had before and what it keeps', async () => {
    const lb = place();
    const { next, manager, storage } = managing({ lb });
    const first = await next(0);
    expect([first.deployed, lb.former, lb.memory]).toEqual(['done', undefined, undefined]);
    const second = await next(1);
    expect(second.deployed).toBe('done');
    expect(lb.former).toMatchObject({ serialNumber: first.serialNumber, names });
    expect(lb.former?.privateKey).toContain('PRIVATE KEY');
    expect(lb.memory).toBe(`took ${first.serialNumber}`);
    const keys = async () => {
      const stored = [];
      for await (const { key } of storage.list('deploy-target')) stored.push(key);
      return stored;
    };
    expect(await keys()).toEqual([`deploy-target/${second.certificate}/lb`]);
    await manager.provisioner.certificates.remove(second.certificate);
    expect(await keys()).toEqual([]);
  });
  it('is put back where the server of the probe does not serve it, and is deployed when it does', async () => {
    const lb = place();
    await using served = await tlsServer();
    const probe = { host: '127.0.0.1', port: served.port, within: { milliseconds: 1 } };
    const { next, manager } = managing({ lb: { target: lb.target, probe } });
    lb.apply = served.serve;
    const first = await next(0);
    expect([first.deployed, first.deployError]).toEqual(['done', undefined]);

    // The server takes the first certificate alone.
    lb.apply = async (bundle) => {
      if (bundle.serialNumber === first.serialNumber) await served.serve(bundle);
    };
    const second = await next(1);
    expect(second.deployError).toMatchObject({
      code: 'ERR_DEPLOY_PROBE',
      message: expect.stringContaining(`the former certificate ${first.serialNumber} is back`),
    });
    const serials = [first, second, first].map(({ serialNumber }) => serialNumber);
    expect(lb.history).toEqual(serials);

    lb.apply = served.serve;
    const again = await manager.maintain(second.certificate, { force: 'deploy' });
    expect([again.deployed, lb.history.at(-1)]).toEqual(['done', second.serialNumber]);
  });
});

/** A server on loopback that serves one certificate at a time. */
async function tlsServer() {
  const server: Server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    serve: async ({ chain, privateKey }: CompleteBundle) => {
      server.setSecureContext({ cert: chain, key: privateKey });
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
