import type { CertificateStore, ManagedCertificate } from '@acmex/orchestrator';
import { expect, it } from '@jest/globals';
import { Contexts } from './contexts.ts';
import { selfSigned } from './self-signed.ts';

const onDamaged = (_: unknown, error: unknown) => {
  throw error;
};

it('serves no certificate for a name that it has no longer', async () => {
  const { cert, key } = await selfSigned('a.test');
  const record = {
    id: 'crt_1',
    names: ['a.test', 'b.test'],
    current: { generation: 1, notAfter: '2027-01-01T00:00:00Z', serialNumber: '01' },
  };
  const certificates = {
    find: async () => record as unknown as ManagedCertificate,
    async *byName(name: string) {
      if (record.names.includes(name)) yield record as unknown as ManagedCertificate;
    },
    generation: async () => ({ names: record.names, chain: cert[0], privateKey: key[0] }),
  } as unknown as CertificateStore;
  const contexts = new Contexts(certificates, { onDamaged });
  expect((await contexts.find('b.test'))?.id).toBe('crt_1');
  record.names = ['a.test'];
  await contexts.reload('crt_1');
  await expect(contexts.find('b.test')).resolves.toBeUndefined();
  expect((await contexts.find('a.test'))?.names).toEqual(['a.test']);
});

it('keeps so many certificates in memory, and reads further ones again', async () => {
  const { cert, key } = await selfSigned('a.test');
  const reads: string[] = [];
  const contexts = new Contexts(
    {
      async *byName(name: string) {
        const current = { generation: 1, notAfter: '2027-01-01T00:00:00Z', serialNumber: name };
        yield { id: name, names: [name], current } as unknown as ManagedCertificate;
      },
      generation: async (id: string) => {
        reads.push(id);
        return { chain: cert[0], privateKey: key[0] };
      },
    } as unknown as CertificateStore,
    { onDamaged, max: 2 },
  );
  for (const name of ['a.test', 'b.test', 'b.test', 'c.test', 'b.test', 'a.test'])
    expect((await contexts.find(name))?.id).toBe(name);
  expect(reads).toEqual(['a.test', 'b.test', 'c.test', 'a.test']);
});
