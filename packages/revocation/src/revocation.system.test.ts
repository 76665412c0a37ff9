import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '@acmex/clock';
import { addressPolicy, egressFetch } from '@acmex/egress';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { checkRevocation } from './check-revocation.ts';
import { type ListCase, runListCase } from './list-cases.testing.ts';
import { type OpensslCa, opensslCa } from './openssl-ca.testing.ts';

let ca: OpensslCa;
let leaf: Uint8Array;
let second: Uint8Array;
let issuer: Uint8Array;
beforeAll(async () => {
  ca = await opensslCa();
  [leaf, second, issuer] = await Promise.all([ca.der('leaf'), ca.der('second'), ca.der('ca')]);
  await ca.revoke('second', 'keyCompromise');
}, 60_000);
afterAll(async () => await ca[Symbol.asyncDispose]());

type Case = ListCase & { readonly id: string; readonly expected_result: 'SUCCESS' | 'FAILURE' };
const file = '../../certificate/fixtures/chain-cases/cases.json.gz';
const cases = gunzipSync(readFileSync(new URL(file, import.meta.url))).toString();
const listCases = (JSON.parse(cases) as { testcases: Case[] }).testcases.filter(({ id }) =>
  id.startsWith('crl::'),
);

const fetch = egressFetch({
  policy: addressPolicy({ allow: ['127.0.0.1'] }),
  ports: Array.from({ length: 16_000 }, (_, index) => 16_000 + index),
});
const later = systemClock.now().add({ hours: 24 * 10 });

describe('checkRevocation by the OCSP responder of OpenSSL', () => {
  it('says good and revoked, with the reason, by a delegated responder', async () => {
    await using responder = await ca.respond();
    expect(responder.pid).toBeGreaterThan(0);
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject({
      status: 'good',
      source: 'ocsp',
    });
    await expect(checkRevocation(second, issuer, { fetch })).resolves.toMatchObject({
      status: 'revoked',
      source: 'ocsp',
      reason: 'keyCompromise',
    });
  });
  it('accepts the issuer as signer', async () => {
    await using responder = await ca.respond({ signer: 'ca' });
    expect(responder.pid).toBeGreaterThan(0);
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject({
      status: 'good',
    });
  });
  it.each([
    ['a signer without the purpose', 'useless', 'not for OCSP'],
    ['a signer of another CA', 'other', 'no certificate of the issuer'],
  ])('knows nothing by %s', async (_, signer, reason) => {
    await using program = await ca.respond({ signer });
    expect(program.pid).toBeGreaterThan(0);
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject({
      status: 'unknown',
      reasons: [expect.stringContaining(reason)],
    });
  });
  it('knows nothing where no responder answers, or the address is private', async () => {
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject({
      status: 'unknown',
    });
    await expect(checkRevocation(leaf, issuer)).resolves.toMatchObject({ status: 'unknown' });
  });
});

describe('checkRevocation by lists of OpenSSL', () => {
  const offline = { isOnline: false };
  it('says good and revoked, with the reason', async () => {
    const lists = [await ca.list()];
    await expect(checkRevocation(leaf, issuer, { lists, ...offline })).resolves.toMatchObject({
      status: 'good',
      source: 'crl',
    });
    await expect(checkRevocation(second, issuer, { lists, ...offline })).resolves.toMatchObject({
      status: 'revoked',
      source: 'crl',
      reason: 'keyCompromise',
    });
  });
  it('knows nothing by a list that is too old, of another CA, changed or cut off', async () => {
    const list = await ca.list();
    const changed = Uint8Array.from(list);
    changed[list.length - 5] = (changed[list.length - 5] ?? 0) ^ 1;
    const status = async (der: Uint8Array, options = {}) =>
      await checkRevocation(leaf, issuer, { lists: [der], ...offline, ...options });
    const foreign = await ca.list(['-keyfile', 'other.key', '-cert', 'other.pem']);
    const expected = { status: 'unknown', reasons: [expect.stringContaining('list 1')] };
    await expect(status(list, { at: later })).resolves.toMatchObject(expected);
    await expect(status(foreign)).resolves.toMatchObject(expected);
    await expect(status(changed)).resolves.toMatchObject(expected);
    await expect(status(list.subarray(0, 100))).resolves.toMatchObject(expected);
    await expect(status(new Uint8Array())).resolves.toMatchObject(expected);
  });
});

test.each(listCases)('$id has the expected result', async (entry) => {
  await expect(runListCase(entry)).resolves.toBe(entry.expected_result === 'SUCCESS');
});
