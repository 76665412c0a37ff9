import { virtualClock } from '@acmex/clock';
import { firstId, memoryStorage, type Storage } from '@acmex/storage';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { issue, raw, type TestCa, testAuthority, testCa } from './ca.testing.ts';
import {
  authorityState,
  type ListedCertificate,
  listIssuedByTime,
  readIssued,
  revokeIssued,
  saveAuthority,
} from './index.ts';

async function listOf(
  storage: Storage,
  options: { readonly after?: string; readonly limit?: number } = {},
): Promise<readonly ListedCertificate[]> {
  const all: ListedCertificate[] = [];
  for await (const listed of listIssuedByTime(storage, options)) all.push(listed);
  return all;
}
const namesOf = (list: readonly ListedCertificate[]) =>
  list.map(({ identifiers }) => identifiers[0]?.value);

describe('what a CA has issued', () => {
  let ca: TestCa;
  let serials: readonly string[];
  beforeAll(async () => {
    ca = await testCa();
    const client = await ca.account();
    const all: string[] = [];
    for (const name of ['c.test', 'a.test', 'b.test']) {
      all.push((await issue(ca, client, [name])).leaf.serialNumber);
      await ca.clock.advance({ minutes: 1 });
    }
    serials = all;
    await revokeIssued(ca.storage, all[1]!, { reason: 'superseded', clock: ca.clock });
  });

  it('is listed in the order in which it was issued, with its revocation', async () => {
    const list = await listOf(ca.storage);
    expect(list.map(({ serialNumber }) => serialNumber)).toEqual(serials);
    expect(list.map(({ revoked }) => revoked?.reason)).toEqual([undefined, 4, undefined]);
    expect(list.every(({ id }) => /^iss_[0-9a-z]{26}$/.test(id))).toBe(true);
  });
  it('is listed from a moment, and behind an id', async () => {
    const [first, second] = await listOf(ca.storage);
    const moment = firstId('iss', Date.parse(first!.issuedAt) + 1);
    expect(namesOf(await listOf(ca.storage, { after: moment }))).toEqual(['a.test', 'b.test']);
    expect(namesOf(await listOf(ca.storage, { after: second!.id }))).toEqual(['b.test']);
    expect(namesOf(await listOf(ca.storage, { limit: 1 }))).toEqual(['c.test']);
  });
  it('is found by its serial number, however that is written', async () => {
    const serial = serials[0]!;
    const written = serial.toUpperCase().replaceAll(/(?<=^(?:..)+)(?=.)/g, ':');
    const issued = await readIssued(ca.storage, written);
    expect(issued).toMatchObject({ serialNumber: serial, identifiers: [{ value: 'c.test' }] });
    expect(issued?.chains[0]).toMatch(/^-----BEGIN CERTIFICATE-----/);
    await expect(readIssued(ca.storage, 'ff')).resolves.toBeUndefined();
    await expect(readIssued(ca.storage, '../authority')).resolves.toBeUndefined();
  });
  it('is listed too where it was issued before there was a list', async () => {
    const older = memoryStorage();
    for await (const { key, value } of ca.storage.list('ca'))
      if (!key.startsWith('ca/issued')) await older.write([{ set: key, value }]);
    expect(await listOf(older)).toEqual(await listOf(ca.storage));
  });
  it('is listed as revoked where that happens while an older list is made', async () => {
    const older = memoryStorage();
    for await (const { key, value } of ca.storage.list('ca'))
      if (!key.startsWith('ca/issued')) await older.write([{ set: key, value }]);
    let isRevoked = false;
    const racing: Storage = {
      ...older,
      async write(changes, options) {
        if (!isRevoked) {
          isRevoked = true;
          await revokeIssued(older, serials[0]!, { clock: ca.clock });
        }
        return await older.write(changes, options);
      },
    };
    const [first] = await listOf(racing);
    expect([isRevoked, first?.revoked?.reason]).toEqual([true, 0]);
  });
});

it('says of a CA which lists it has, and whether all revocations are in them', async () => {
  const storage = memoryStorage();
  await expect(authorityState(storage)).resolves.toBeUndefined();
  await saveAuthority(storage, await testAuthority());
  const ca = await testCa({ storage, clock: virtualClock({ now: '2026-06-01T00:00:00Z' }) });
  const { issuing, root } = await testAuthority();
  await expect(authorityState(storage)).resolves.toEqual({
    kind: 'private',
    root,
    issuers: [
      { generation: 1, certificate: issuing, crl: undefined, responderNotAfter: undefined },
    ],
    rootCrlNextUpdate: undefined,
  });
  const { leaf } = await issue(ca, await ca.account(), ['a.test']);
  const crlOf = async () => (await authorityState(storage))?.issuers[0]?.crl;
  await raw(ca, '/crl');
  const times = {
    thisUpdate: expect.stringMatching(/^2026-06-01T/),
    nextUpdate: expect.stringMatching(/^2026-06-08T/),
  };
  await expect(crlOf()).resolves.toEqual({ number: 1, isComplete: true, ...times });
  await revokeIssued(storage, leaf.serialNumber, { clock: ca.clock });
  await expect(crlOf()).resolves.toMatchObject({ number: 1, isComplete: false });
  await raw(ca, '/crl');
  await expect(crlOf()).resolves.toMatchObject({ number: 2, isComplete: true });
});
