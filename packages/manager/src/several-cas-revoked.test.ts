import { parseChain } from '@acmex/certificate';
import { refusedConnections } from '@acmex/ca/faults';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestCa, type TestFleet, testFleet } from './several-cas.testing.ts';

const minuteMs = 60_000;
let fleet: TestFleet;
let first: TestCa;
let second: TestCa;
/** The serial numbers of the certificates that are revoked. */
let revoked: Set<string>;
/** Why the first CA refuses every name; it does not at first. */
let refusal: string | undefined;
beforeEach(async () => {
  revoked = new Set();
  refusal = undefined;
  fleet = testFleet({
    revocation: {
      status: async (chain) =>
        revoked.has(parseChain(chain)[0]!.serialNumber)
          ? {
              ...{ status: 'revoked', reason: 'superseded', proof: 'an OCSP response' },
              at: fleet.clock.now(),
            }
          : { status: 'good' },
    },
  });
  first = await fleet.addCa('first', { policy: async () => refusal });
  second = await fleet.addCa('second');
});
afterEach(async () => {
  for (const ca of [first, second]) await ca[Symbol.asyncDispose]();
});

const managed = async (id: string) => await fleet.provisioner.certificates.get(id);
/** Has the certificate revoked by its CA. @returns how soon it was renewed, and where */
const renewedAfterRevocation = async (id: string) => {
  const { current } = await managed(id);
  revoked.add(current!.serialNumber);
  await fleet.pass({ hours: 31 });
  const [detected] = (await fleet.events()).filter(({ type }) => type === 'revocation_detected');
  const after = (await managed(id)).current!;
  return {
    afterMs: Date.parse(after.issuedAt) - Date.parse(detected!.time),
    ...{ generation: after.generation, issuer: after.issuedFor?.issuer },
  };
};

describe('a revoked certificate with several issuers', () => {
  const both = { issuer: 'first', fallbackIssuers: ['second'] };

  it('is ordered at once at the first issuer', async () => {
    const id = await fleet.obtain(both);
    const { afterMs, ...renewed } = await renewedAfterRevocation(id);
    expect(renewed).toEqual({ generation: 2, issuer: 'first' });
    expect(afterMs).toBeLessThan(minuteMs);
    expect(second.requests).toEqual([]);
  });

  it('is ordered at once at the next one where the CA that revoked it refuses its names', async () => {
    const id = await fleet.obtain(both);
    refusal = 'this CA does not issue for .test any more';
    const { afterMs, ...renewed } = await renewedAfterRevocation(id);
    expect(renewed).toEqual({ generation: 2, issuer: 'second' });
    expect(afterMs).toBeLessThan(minuteMs);
    await expect(managed(id)).resolves.toMatchObject({ lineage: 'second' });
  });

  it('is ordered within minutes at the next one where the CA that revoked it does not answer', async () => {
    const id = await fleet.obtain(both);
    first.fault = refusedConnections();
    const { afterMs, ...renewed } = await renewedAfterRevocation(id);
    expect(renewed).toEqual({ generation: 2, issuer: 'second' });
    expect(afterMs).toBeLessThan(10 * minuteMs);
    expect((await managed(id)).lineage).toBeUndefined();
  });
});
