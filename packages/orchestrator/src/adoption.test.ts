import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Provisioner } from './index.ts';

const spec = { names: ['www.a.test', 'a.test'], issuer: 'ca', keyType: 'ec-p256' as const };

describe('adopt', () => {
  // The certificate is valid for a week from an hour ago.
  let clock: ReturnType<typeof virtualClock>;
  let provisioner: Provisioner;
  let obtained: { readonly chain: string; readonly privateKey: string; readonly source: string };
  let unrelatedKey: string;

  const keyPem = async (key: Awaited<ReturnType<ReturnType<typeof webcrypto>['generate']>>) =>
    Buffer.from(await privateKeyPem(key)).toString();

  beforeAll(async () => {
    const key = await webcrypto().generate('ec-p256');
    const identifiers = ['a.test', 'www.a.test'].map((value) => ({ type: 'dns' as const, value }));
    const chain = await createSelfSigned({ identifiers, key, clock: virtualClock() });
    obtained = { chain, privateKey: await keyPem(key), source: 'certbot' };
    unrelatedKey = await keyPem(await webcrypto().generate('ec-p256'));
  });
  beforeEach(() => {
    clock = virtualClock();
    const unused = async () => {
      throw new Error('no request is sent to the CA');
    };
    const issuers = [{ name: 'ca', issue: unused, abandon: unused }];
    provisioner = new Provisioner({ storage: memoryStorage(), issuers, clock });
  });
  const dueNow = async () => {
    const ids: string[] = [];
    for await (const { id } of provisioner.certificates.due(clock.now())) ids.push(id);
    return ids;
  };

  it('manages the certificate without an order, and plans its renewal', async () => {
    const { change, certificate: id } = await provisioner.adopt(spec, obtained);
    expect(change).toBe('added');
    const certificate = await provisioner.certificates.get(id);
    expect(certificate).toMatchObject({
      names: ['www.a.test', 'a.test'],
      current: { generation: 1, notBefore: '2025-12-31T23:00:00Z' },
      renewal: { at: expect.stringMatching(/^2026-01-0[34]T/) },
    });
    expect(certificate.order).toBeUndefined();
    expect(await provisioner.certificates.generation(id, 1)).toMatchObject({
      chain: obtained.chain,
      privateKey: obtained.privateKey,
    });
    expect(await dueNow()).toEqual([]);
    await clock.advance({ hours: 24 * 30 });
    expect(await dueNow()).toEqual([id]);
  });

  it('changes nothing in a dry run, and nothing where it is managed already', async () => {
    await expect(provisioner.adopt(spec, obtained, { dryRun: true })).resolves.toEqual({
      change: 'added',
      certificate: '',
    });
    const { certificate } = await provisioner.adopt(spec, obtained);
    await expect(provisioner.adopt(spec, obtained, { replace: true })).resolves.toEqual({
      change: 'unchanged',
      certificate,
    });
  });

  it('refuses a key or names that are not those of the certificate, and an unknown issuer', async () => {
    const wrongKey = { ...obtained, privateKey: unrelatedKey };
    await expect(provisioner.adopt(spec, wrongKey)).rejects.toMatchObject({
      code: 'ERR_ORCHESTRATOR_INPUT',
    });
    await expect(provisioner.adopt({ ...spec, names: ['a.test'] }, obtained)).rejects.toMatchObject(
      { code: 'ERR_ORCHESTRATOR_INPUT' },
    );
    await expect(provisioner.adopt({ ...spec, issuer: 'b' }, obtained)).rejects.toMatchObject({
      code: 'ERR_ORCHESTRATOR_ISSUER',
    });
    const all = [];
    for await (const certificate of provisioner.certificates.list()) all.push(certificate);
    expect(all).toEqual([]);
  });
});
