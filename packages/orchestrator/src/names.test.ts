import { virtualClock } from '@acmex/clock';
import { IdentifierError } from '@acmex/identifier';
import { refusedNameCode, refusedNames } from '@acmex/identifier/contract';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { certificates } from './certificate-record.ts';
import { failureOf } from './failure.ts';
import { Provisioner } from './index.ts';
import { testIssuer } from './issuer.testing.ts';
import { reversedName } from './names.ts';

async function emptyProvisioner() {
  const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  const storage = memoryStorage();
  const issuer = await testIssuer(clock);
  return { storage, provisioner: new Provisioner({ storage, issuers: [issuer], clock }) };
}
const spec = { issuer: 'test', keyType: 'ec-p256' } as const;

it.each(refusedNames)(
  'refuses the name $name before anything is stored',
  async ({ name, message }) => {
    const { storage, provisioner } = await emptyProvisioner();
    await expect(
      provisioner.submit({ certificate: { ...spec, names: ['a.test', name] } }),
    ).rejects.toMatchObject({ code: refusedNameCode, message });
    for await (const { key } of storage.list('')) throw new Error(`${key} is stored`);
  },
);

it('stores names in canonical form, each once', async () => {
  const { provisioner } = await emptyProvisioner();
  const names = ['Bücher.example', 'xn--bcher-kva.example.', '2001:DB8:0::1'];
  const { names: stored } = await provisioner.certificates.add({ ...spec, names });
  expect(stored).toEqual(['xn--bcher-kva.example', '2001:db8::1']);
});

it('pauses a certificate whose name an earlier version did not refuse', async () => {
  const { storage, provisioner } = await emptyProvisioner();
  const { id } = await provisioner.certificates.add({ ...spec, names: ['a.test'] });
  const { record } = (await certificates.read(storage, id))!;
  await storage.write([certificates.put(id, { ...record, names: ['_x.a.test'] })]);
  await expect(provisioner.certificates.pause(id)).resolves.toMatchObject({ paused: true });
});

it('does not try again what a refused name has failed', () => {
  const fault = { problem: 'is not a name', remedy: 'write example.com' };
  expect(failureOf(new IdentifierError('', fault))).toMatchObject({ permanent: true });
});

it.each([
  ['www.example.com', 'com/example/www'],
  ['*.example.com', 'com/example/~'],
  ['192.0.2.1', '~ip/192.0.2.1'],
  ['2001:db8::1', '~ip/2001-db8--1'],
])('orders %s by its domain', (name, key) => {
  expect(reversedName(name)).toBe(key);
});
