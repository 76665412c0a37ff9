import { type CertificateInfo, privateKeyPem, webcrypto } from '@acmex/certificate';
import { readSubjectPublicKey } from '@acmex/certificate/structure';
import { changeKey, importAccountKey, revocationReasons } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { x509 } from './authority/x509.ts';
import { issue, post, postAs, raw, type TestCa, testCa, type TestClient } from './ca.testing.ts';
import { blockingKey, isCompromised } from './compromised-keys.ts';
import { currentCrl, listIssued, revokeIssued } from './index.ts';

const der = ({ der: bytes }: CertificateInfo) => Buffer.from(bytes).toString('base64url');
const revoke = (ca: TestCa, account: TestClient, leaf: CertificateInfo, more: object = {}) =>
  postAs(ca, account, '/revoke-cert', { certificate: der(leaf), ...more });
async function list(ca: TestCa) {
  const answer = await ca.server.handler(new Request('http://x/acme/crl'));
  const crl = new x509.X509Crl(await answer.arrayBuffer());
  const number = crl.getExtension('2.5.29.20');
  return {
    crl,
    type: answer.headers.get('content-type'),
    number: number ? Number(`0x${Buffer.from(number.value).subarray(2).toString('hex')}`) : 0,
    serials: crl.entries.map(({ serialNumber, reason }) => [serialNumber, reason ?? 0]),
  };
}

describe('a revocation', () => {
  it('by the account that ordered answers with 200 and nothing, and is in the list at once', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    await expect(list(ca)).resolves.toMatchObject({
      number: 1,
      serials: [],
      type: 'application/pkix-crl',
    });
    await expect(revoke(ca, account, leaf, { reason: 4 })).resolves.toMatchObject({
      status: 200,
      text: '',
    });
    await expect(list(ca)).resolves.toMatchObject({ number: 2, serials: [[leaf.serialNumber, 4]] });
    await expect(revoke(ca, account, leaf)).resolves.toMatchObject({
      status: 400,
      problem: 'alreadyRevoked',
    });
    const issued = [];
    for await (const certificate of listIssued(ca.storage)) issued.push(certificate);
    expect(issued).toMatchObject([{ serialNumber: leaf.serialNumber, revoked: { reason: 4 } }]);
  });
  it("by the certificate's own key needs no account", async () => {
    const ca = await testCa();
    const key = await webcrypto().generate('ec-p256');
    const { leaf } = await issue(ca, await ca.account(), ['a.test'], { key });
    const jwk = await crypto.subtle.exportKey(
      'jwk',
      await crypto.subtle.importKey(
        'pkcs8',
        Buffer.from(await key.export!()),
        { name: 'ECDSA', namedCurve: 'P-256' },
        true,
        ['sign'],
      ),
    );
    const accountKey = await importAccountKey(jwk as Parameters<typeof importAccountKey>[0]);
    await expect(
      post(
        ca,
        '/revoke-cert',
        { certificate: der(leaf), reason: 1 },
        { key: (await ca.account()).key },
      ),
    ).resolves.toMatchObject({ status: 403, problem: 'unauthorized' });
    await expect(
      post(ca, '/revoke-cert', { certificate: der(leaf), reason: 1 }, { key: accountKey }),
    ).resolves.toMatchObject({ status: 200 });
  });
  it('by another account needs valid authorizations for all names', async () => {
    const ca = await testCa();
    const [mine, theirs] = [await ca.account(), await ca.account()];
    const { leaf } = await issue(ca, mine, ['a.test', '*.a.test']);
    await expect(revoke(ca, theirs, leaf)).resolves.toMatchObject({
      status: 403,
      problem: 'unauthorized',
    });
    await issue(ca, theirs, ['a.test']);
    await expect(revoke(ca, theirs, leaf)).resolves.toMatchObject({
      status: 403,
      problem: 'unauthorized',
    });
    await issue(ca, theirs, ['*.a.test']);
    await expect(revoke(ca, theirs, leaf)).resolves.toMatchObject({ status: 200 });
  });
  it('by an account whose proofs have expired is refused', async () => {
    const ca = await testCa();
    const [mine, theirs] = [await ca.account(), await ca.account()];
    const { leaf } = await issue(ca, mine, ['a.test']);
    await issue(ca, theirs, ['a.test']);
    await ca.clock.advance({ hours: 25 });
    await expect(revoke(ca, theirs, leaf)).resolves.toMatchObject({
      status: 403,
      problem: 'unauthorized',
    });
  });
  it.each([2, 6, 7, 8, 10, 11, -1, 1.5, '1'])('for the reason %j is refused', async (reason) => {
    const ca = await testCa();
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    await expect(revoke(ca, account, leaf, { reason })).resolves.toMatchObject({
      status: 400,
      problem: 'badRevocationReason',
    });
  });
  it('of what this CA has not issued is refused', async () => {
    const [ca, otherCa] = [await testCa(), await testCa()];
    const account = await ca.account();
    const { leaf } = await issue(otherCa, await otherCa.account(), ['a.test']);
    await expect(revoke(ca, account, leaf)).resolves.toMatchObject({
      status: 404,
      problem: 'malformed',
    });
    for (const certificate of ['AAAA', '', 7, undefined, 'x'.repeat(40_000)])
      expect((await postAs(ca, account, '/revoke-cert', { certificate })).problem).toBe(
        'malformed',
      );
  });
  it('asked for by ten at once is one', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    const answers = await Promise.all(Array.from({ length: 10 }, () => revoke(ca, account, leaf)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ problem }) => problem === 'alreadyRevoked')).toHaveLength(9);
    expect((await list(ca)).serials).toHaveLength(1);
  });
  it('by the operator needs the serial number alone', async () => {
    const ca = await testCa();
    const { leaf } = await issue(ca, await ca.account(), ['a.test']);
    await revokeIssued(ca.storage, leaf.serialNumber.toUpperCase(), {
      reason: 'keyCompromise',
      clock: ca.clock,
    });
    await expect(list(ca)).resolves.toMatchObject({ serials: [[leaf.serialNumber, 1]] });
    await expect(revokeIssued(ca.storage, leaf.serialNumber)).rejects.toMatchObject({
      code: 'ERR_CA_REVOKED',
    });
    await expect(revokeIssued(ca.storage, '00/../x')).rejects.toMatchObject({
      code: 'ERR_CA_NO_CERTIFICATE',
    });
    await expect(
      revokeIssued(ca.storage, leaf.serialNumber, { reason: 'certificateHold' }),
    ).rejects.toMatchObject({ code: 'ERR_CA_REVOCATION_REASON' });
    expect(revocationReasons.keyCompromise).toBe(1);
  });
});

describe('the list of revoked certificates', () => {
  it('is signed by the issuer, is the same until half of its life is over, and then has the next number', async () => {
    const ca = await testCa();
    const first = await list(ca);
    await expect(
      first.crl.verify({
        publicKey: new x509.X509Certificate(Uint8Array.from(ca.issuer.certificate)).publicKey,
      }),
    ).resolves.toBe(true);
    expect(first.crl.nextUpdate?.toISOString()).toBe('2026-06-08T00:00:00.000Z');
    await ca.clock.advance({ hours: 83 });
    expect(Buffer.from((await list(ca)).crl.rawData).equals(Buffer.from(first.crl.rawData))).toBe(
      true,
    );
    await ca.clock.advance({ hours: 2 });
    const next = await list(ca);
    expect([first.number, next.number]).toEqual([1, 2]);
    expect(next.crl.thisUpdate.toISOString()).toBe('2026-06-04T13:00:00.000Z');
  });
  it('asked for at two processes at once is one, and a restart continues with its numbers', async () => {
    const ca = await testCa();
    const otherCa = await testCa({ storage: ca.storage, clock: ca.clock });
    const lists = await Promise.all([list(ca), list(otherCa), list(ca), list(otherCa)]);
    expect(new Set(lists.map(({ crl }) => Buffer.from(crl.rawData).toString('hex'))).size).toBe(1);
    await ca.clock.advance({ hours: 100 });
    expect((await list(await ca.restarted())).number).toBe(2);
  });
  it('forgets what has expired', async () => {
    const ca = await testCa({ profiles: { short: { validity: { hours: 24 } } } });
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    await revoke(ca, account, leaf);
    expect((await list(ca)).serials).toHaveLength(1);
    await ca.clock.advance({ hours: 24 * 5 });
    expect((await list(ca)).serials).toHaveLength(0);
  });
  it('that cannot be renewed serves until its end, and the operator is notified', async () => {
    const ca = await testCa();
    await list(ca);
    const broken = await ca.restarted({
      issuer: { ...ca.issuer, crl: () => Promise.reject(new Error('the HSM is away')) },
    });
    await ca.clock.advance({ hours: 100 });
    expect((await list(broken)).number).toBe(1);
    await ca.clock.run(broken.server.idle());
    expect(broken.failures).toMatchObject([
      { during: 'renewal of the CRL', error: { message: 'the HSM is away' } },
    ]);
    await ca.clock.advance({ hours: 100 });
    await expect(raw(broken, '/crl')).resolves.toMatchObject({
      status: 500,
      problem: 'serverInternal',
    });
  });
  it('may be larger than a value of the storage', async () => {
    const ca = await testCa();
    const big = new Uint8Array(1_200_000).fill(7);
    const service = {
      storage: ca.storage,
      clock: ca.clock,
      issuer: { ...ca.issuer, crl: async () => big },
      lifetimes: { crl: ca.clock.now().until(ca.clock.now().add({ hours: 10 })) },
    };
    for (let n = 0; n < 2; n++)
      expect(
        Buffer.from((await currentCrl(service, { onError: () => undefined })).der).equals(big),
      ).toBe(true);
  });
  it('and the issuing certificate are where certificates say', async () => {
    const ca = await testCa();
    const answer = await ca.server.handler(new Request('http://x/acme/issuer'));
    expect(answer.headers.get('content-type')).toBe('application/pkix-cert');
    expect(Buffer.from(await answer.arrayBuffer()).equals(ca.issuer.certificate)).toBe(true);
  });
});

describe('a key that was revoked as compromised (S15)', () => {
  it.each<[string, (ca: TestCa, account: TestClient, leaf: CertificateInfo) => Promise<unknown>]>([
    ['by its account', (ca, account, leaf) => revoke(ca, account, leaf, { reason: 1 })],
    [
      'by the operator',
      (ca, _, leaf) => revokeIssued(ca.storage, leaf.serialNumber, { reason: 'keyCompromise' }),
    ],
  ])('%s gets no certificate again, for any account', async (_, revoking) => {
    const ca = await testCa();
    const [account, secondAccount] = [await ca.account(), await ca.account()];
    const key = await webcrypto().generate('ec-p256');
    const { leaf } = await issue(ca, account, ['a.test'], { key });
    await revoking(ca, account, leaf);
    for (const client of [account, secondAccount])
      await expect(issue(ca, client, ['b.test'], { key })).rejects.toMatchObject({
        code: 'ERR_ACME_BAD_CSR',
        message: expect.stringContaining('compromised'),
      });
    await expect(issue(ca, account, ['b.test'])).resolves.toBeDefined();
  });
  it('becomes no account key, by newAccount or by keyChange', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const key = await webcrypto().generate('ec-p256');
    const { leaf } = await issue(ca, account, ['a.test'], { key });
    await revoke(ca, account, leaf, { reason: 1 });
    const accountKey = await importAccountKey(Buffer.from(await privateKeyPem(key)).toString());
    await expect(post(ca, '/new-account', {}, { key: accountKey })).resolves.toMatchObject({
      status: 400,
      problem: 'badPublicKey',
    });
    await expect(ca.clock.run(changeKey(account.session, accountKey))).rejects.toMatchObject({
      code: 'ERR_ACME_BAD_PUBLIC_KEY',
    });
  });
  it('that an earlier version revoked is refused after an upgrade', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const key = await webcrypto().generate('ec-p256');
    const { leaf } = await issue(ca, account, ['a.test'], { key });
    await revoke(ca, account, leaf, { reason: 1 });
    for (const kind of ['compromised-key', 'compromised-key-state'])
      for await (const { key: stored } of ca.storage.list(`ca/${kind}`))
        await ca.storage.write([{ remove: stored }]);
    const upgraded = await ca.restarted();
    await upgraded.server.idle();
    const client = await upgraded.account();
    await expect(issue(upgraded, client, ['b.test'], { key })).rejects.toMatchObject({
      code: 'ERR_ACME_BAD_CSR',
    });
  });
  it('is known with a compressed point', async () => {
    const { storage } = await testCa();
    const { publicKey } = await webcrypto().generate('ec-p256');
    await storage.write([
      blockingKey(publicKey, { serialNumber: '01', at: '2026-06-01T00:00:00Z' }),
    ]);
    const [x, y] = [publicKey.subarray(-64, -32), publicKey.subarray(-32)];
    const compressed = Buffer.concat([
      Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
      Buffer.of(2 + (y[31]! & 1)),
      x,
    ]);
    const jwkOf = (spki: Uint8Array) => readSubjectPublicKey(spki).export({ format: 'jwk' });
    await expect(isCompromised(storage, jwkOf(compressed))).resolves.toBe(true);
    const unrelated = await webcrypto().generate('ec-p256');
    await expect(isCompromised(storage, jwkOf(unrelated.publicKey))).resolves.toBe(false);
  });
});
