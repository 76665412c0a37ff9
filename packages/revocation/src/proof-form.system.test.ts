import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  contents,
  context,
  der,
  type DerValue,
  encoding,
  members,
  readDerValue,
  tags,
} from '@acmex/certificate/structure';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkRevocation } from './check-revocation.ts';
import { type OpensslCa, opensslCa } from './openssl-ca.testing.ts';

let ca: OpensslCa;
let key: KeyObject;
let leaf: Uint8Array;
let revoked: Uint8Array;
let issuer: Uint8Array;
let list: Uint8Array;
let response: Uint8Array;
beforeAll(async () => {
  ca = await opensslCa();
  key = createPrivateKey(await readFile(join(ca.folder, 'ca.key')));
  [leaf, revoked, issuer] = await Promise.all([ca.der('leaf'), ca.der('second'), ca.der('ca')]);
  await ca.revoke('second', 'keyCompromise');
  list = await ca.list();
  response = await ca.response('leaf', { signer: 'ca', flags: ['-no_nonce', '-ndays', '1'] });
}, 60_000);
afterAll(async () => await ca[Symbol.asyncDispose]());

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
type Members = readonly Uint8Array[];
/** Returns a value with changed members. */
const changedIn = (value: DerValue, change: (values: Members) => Members) =>
  der(value.tag, ...change(members(value).map(encoding)));
/** Changes the member at a position; -1 is the last one. */
const at =
  (position: number, change: (value: DerValue) => Uint8Array) =>
  (values: Members): Members => {
    const index = position < 0 ? values.length + position : position;
    return values.map((value, place) => (place === index ? change(readDerValue(value)) : value));
  };
const inside = (position: number, change: (values: Members) => Members) =>
  at(position, (value) => changedIn(value, change));
const append =
  (hex: string) =>
  (values: Members): Members => [...values, bytes(hex)];
const replace = (hex: string) => () => bytes(hex);

/** Signs a list or a BasicOCSPResponse again, with a changed content. */
function signedAgain(whole: Uint8Array, change: (values: Members) => Members): Uint8Array {
  const [content, algorithm, , ...rest] = members(readDerValue(whole));
  if (!content || !algorithm) throw new Error('there is nothing to sign');
  const changed = changedIn(content, change);
  const signature = der(tags.bitString, Uint8Array.of(0), sign('sha256', changed, key));
  return der(tags.sequence, changed, encoding(algorithm), signature, ...rest.map(encoding));
}

const statusOf = async (certificate: Uint8Array, proof: Parameters<typeof checkRevocation>[2]) =>
  await checkRevocation(certificate, issuer, { ...proof, isOnline: false });

describe('a revocation list that its issuer has signed proves nothing', () => {
  /** The extensions are in an explicit tag at the end. */
  const extensions = (change: (values: Members) => Members) => inside(-1, inside(0, change));
  const number = (hex: string) =>
    extensions(at(-1, () => bytes(`30${length(hex, 7)} 0603551d14 04${length(hex)} ${hex}`)));
  const length = (hex: string, more = 0) => Buffer.of(bytes(hex).length + more).toString('hex');
  const scope = (hex: string) =>
    extensions(
      append(`30${length(hex, 12)} 0603551d1c 0101ff 04${length(hex, 2)} 30${length(hex)} ${hex}`),
    );

  it.each<[string, string, (values: Members) => Members]>([
    ['has a negative number', 'negative', number('0201ff')],
    ['has a number of 21 bytes', '20 bytes', number(`0215${'01'.repeat(21)}`)],
    ['has a number of 20 bytes and a sign', '20 bytes', number(`021500${'ff'.repeat(20)}`)],
    ['has a number that is not in its shortest form', 'shortest', number('02020001')],
    ['has no number', 'no number', extensions((values) => values.slice(0, -1))],
    ['has an extension twice', 'twice', extensions((values) => [...values, ...values.slice(-1)])],
    [
      'has a key identifier with an unknown member',
      'not expected',
      extensions(at(0, replace('300c 0603551d23 04053003840101'))),
    ],
    ['has only some reasons', 'some reasons', scope('83020780')],
    ['has reasons with 8 unused bits', 'unused bits', scope('83020880')],
    ['has a distribution point without names', 'empty', scope('a002a000')],
    ['has a scope with an unknown member', 'not expected', scope('860100')],
    ['has a member after its extensions', 'unknown member', append('0500')],
  ])('that %s', async (_, reason, change) => {
    const lists = [signedAgain(list, change)];
    await expect(statusOf(leaf, { lists })).resolves.toMatchObject({
      status: 'unknown',
      reasons: [expect.stringContaining(reason)],
    });
  });

  it.each<[string, (values: Members) => Members]>([
    ['as an INTEGER', at(-1, replace('300a 0603551d15 0403020101'))],
    ['of no byte', at(-1, replace('3009 0603551d15 04020a00'))],
    ['twice', (values) => [...values, ...values]],
  ])('that has the reason of the entry %s', async (_, change) => {
    const entries = at(-2, (value) => changedIn(value, inside(0, inside(2, change))));
    const lists = [signedAgain(list, entries)];
    await expect(statusOf(revoked, { lists })).resolves.toMatchObject({ status: 'unknown' });
  });

  it('unless it is well-formed', async () => {
    for (const change of [number('0201 7f'), number(`0214${'7f'.repeat(20)}`), scope('8201 00')]) {
      const lists = [signedAgain(list, change)];
      await expect(statusOf(leaf, { lists })).resolves.toMatchObject({ status: 'good' });
      await expect(statusOf(revoked, { lists })).resolves.toMatchObject({
        ...{ status: 'revoked', reason: 'keyCompromise' },
      });
    }
  });
});

describe('an OCSP response that its issuer has signed proves nothing', () => {
  /** Changes the BasicOCSPResponse, which is in an OCTET STRING. */
  const respond = (change: (basic: Uint8Array) => Uint8Array) =>
    changedIn(
      readDerValue(response),
      inside(
        1,
        inside(
          0,
          at(1, (octets) => der(tags.octetString, change(contents(octets)))),
        ),
      ),
    );
  const data = (change: (values: Members) => Members) =>
    respond((basic) => signedAgain(basic, change));
  const single = (change: (values: Members) => Members) => data(inside(-1, inside(0, change)));
  const certificates = (count: number) =>
    respond((basic) => {
      const repeated = der(tags.sequence, ...Array.from({ length: count }, () => issuer));
      const values = members(readDerValue(basic)).slice(0, 3).map(encoding);
      return der(tags.sequence, ...values, der(context(0, { constructed: true }), repeated));
    });
  const utcTime = () => der(tags.utcTime, Buffer.from('260101000000Z'));

  it.each<[string, () => Uint8Array]>([
    ['is of an unknown version', () => data((values) => [bytes('a003020101'), ...values])],
    ['names its signer by a text', () => data(at(0, replace('a2030c0161')))],
    ['has its time as UTCTime', () => data(at(1, utcTime))],
    ['has a member after its extensions', () => data(append('0500'))],
    [
      'has an extension twice',
      () => data(append('a112 3010 3006 06022a03 0400 3006 06022a03 0400')),
    ],
    ['has a certificate identifier of five members', () => single(inside(0, append('0500')))],
    [
      'has a serial number that is not an INTEGER',
      () => single(inside(0, at(3, replace('040101')))),
    ],
    ['says good with contents', () => single(at(1, replace('800100')))],
    ['says good as a value with members', () => single(at(1, replace('a000')))],
    ['says a fourth status', () => single(at(1, replace('8300')))],
    ['says since when by UTCTime', () => single(at(2, utcTime))],
    ['says until when twice', () => single(inside(3, (values) => [...values, ...values]))],
    ['has a member after the end of the status', () => single(append('0500'))],
    ['has nine certificates', () => certificates(9)],
  ])('that %s', async (_, make) => {
    await expect(statusOf(leaf, { stapled: make() })).resolves.toMatchObject({
      status: 'unknown',
      reasons: [expect.stringMatching(/^the stapled response: \S/)],
    });
  });

  it('unless it is well-formed', async () => {
    const unchanged = data((values) => values);
    for (const stapled of [response, unchanged, certificates(8)])
      await expect(statusOf(leaf, { stapled })).resolves.toMatchObject({ status: 'good' });
  });
});
