import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { Provisioner } from './index.ts';
import { testIssuer } from './issuer.testing.ts';

it('uses no certificate without a name that the one in use has and that is wanted again', async () => {
  const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  const issuer = await testIssuer(clock);
  const provisioner = new Provisioner({ storage: memoryStorage(), issuers: [issuer], clock });
  const names = ['a.test', 'b.test'];
  const first = await provisioner.submit({
    certificate: { names, issuer: 'test', keyType: 'ec-p256' },
  });
  await provisioner.execute(first);
  const { certificate: id } = await provisioner.status(first);
  const { certificate } = await provisioner.change(id, () => ({ names: ['a.test'] }));
  issuer.onWait = async () => {
    issuer.onWait = async () => undefined;
    await provisioner.change(id, () => ({ names }));
  };
  await expect(provisioner.execute(certificate.order!)).resolves.toMatchObject({
    error: {
      code: 'ERR_ORCHESTRATOR_COVERS_LESS',
      message: expect.stringContaining('lacks b.test'),
    },
  });
  await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
    current: { generation: 1, issuedFor: { names } },
  });
  await expect(provisioner.execute(certificate.order!)).resolves.toMatchObject({ generation: 2 });
  expect(issuer.requests.map((request) => request.names)).toEqual([names, ['a.test'], names]);
});
