import { chainName, parseChain } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { chooseChain, Provisioner } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

describe('the alternates of a CA', () => {
  const clock = virtualClock({ now: '2026-11-02T00:00:00Z' });
  let issuer: TestIssuer;
  let provisioner: Provisioner;
  let storage: Storage;
  beforeEach(async () => {
    issuer = await testIssuer(clock);
    storage = memoryStorage();
    provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  });

  async function issued() {
    const { certificate } = await provisioner.declare({
      names: ['a.test'],
      issuer: 'test',
      keyType: 'ec-p256',
    });
    await expect(provisioner.execute(certificate.order!)).resolves.toMatchObject({
      state: 'succeeded',
    });
    const { current } = await provisioner.certificates.get(certificate.id);
    const generation = await provisioner.certificates.generation(certificate.id, 1);
    return { current, generation: generation!, order: certificate.order! };
  }

  it('are stored with the certificate, and named in its record', async () => {
    issuer.alternatesOf = (alternates) => alternates;
    const { current, generation } = await issued();
    const { chain, alternates } = generation;
    expect(alternates).toHaveLength(1);
    expect(parseChain(alternates[0]!)[0]!.fingerprint).toBe(parseChain(chain)[0]!.fingerprint);
    expect(parseChain(alternates[0]!)).toHaveLength(parseChain(chain).length + 1);
    expect(current?.chains).toEqual([chain, ...alternates].map(chainName));
  });

  it('are left out, with a warning in the order, when they are not chains of the certificate', async () => {
    issuer.alternatesOf = (alternates) => [
      'no PEM',
      ...alternates.map((chain) => chain.slice(chain.indexOf('-----BEGIN', 1))),
      ...alternates,
    ];
    const { generation, order } = await issued();
    expect(generation.alternates).toHaveLength(1);
    const { steps } = await provisioner.status(order);
    expect(steps.map(({ message }) => message)).toContain(
      'the CA sent an alternate that is not a valid chain of this certificate: it is not stored',
    );
  });

  it('are chosen by number, by the issuer that they end in, and by a fingerprint', async () => {
    issuer.alternatesOf = (alternates) => alternates;
    const { generation } = await issued();
    const { chain, alternates } = generation;
    expect(chooseChain(generation, '1')).toBe(chain);
    expect(chooseChain(generation, '2')).toBe(alternates[0]);
    expect(chooseChain(generation, chainName(chain))).toBe(chain);
    const { fingerprint } = parseChain(alternates[0]!).at(-1)!;
    expect(chooseChain(generation, fingerprint)).toBe(alternates[0]);
    for (const wanted of ['0', '3', 'Unknown Root', ''])
      expect(() => chooseChain(generation, wanted)).toThrow(
        expect.objectContaining({
          code: 'ERR_ORCHESTRATOR_INPUT',
          message: expect.stringContaining(`use 1 (${chainName(chain)}) or 2 (`),
        }),
      );
  });
});
