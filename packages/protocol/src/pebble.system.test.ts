import {
  createCsr,
  parseChain,
  type PrivateKey,
  privateKeyPem,
  webcrypto,
} from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import { describeWith, type Pebble, startPebble } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  type AcmeSession,
  acmeSession,
  challengeReady,
  changeKey,
  deactivateAccount,
  deactivateAuthorization,
  downloadCertificate,
  finalizeOrder,
  generateAccountKey,
  getAccount,
  getAuthorization,
  importAccountKey,
  jwsAlgorithms,
  keyAuthorization,
  listOrders,
  newAccount,
  newOrder,
  type Order,
  pollOrder,
  revokeCertificate,
  updateAccount,
} from './index.ts';
import { nodeFetch } from './node/index.ts';

describeWith(['pebble', 'pebble-challtestsrv'], 'with Pebble', () => {
  let pebble: Pebble;
  beforeAll(async () => {
    pebble = await startPebble({
      http01: 'challtestsrv',
      ordersPerPage: 2,
      alternateRoots: 1,
      blockedDomains: ['blocked.test'],
    });
  });
  afterAll(async () => {
    await pebble?.[Symbol.asyncDispose]();
  });

  async function opened(key?: AcmeSession['key']): Promise<AcmeSession> {
    const session = acmeSession({
      directory: pebble.directory,
      key: key ?? (await generateAccountKey()).key,
      fetch: nodeFetch({ ca: pebble.caCertificate }),
    });
    await newAccount(session, { termsOfServiceAgreed: true, contact: ['mailto:a@a.test'] });
    return session;
  }

  /** A certificate, one operation after the other. */
  async function issued(
    session: AcmeSession,
    name: string,
  ): Promise<{
    readonly der: Uint8Array;
    readonly key: PrivateKey;
    readonly alternates: readonly string[];
  }> {
    const names = identifiers([name]);
    let order: Order = await newOrder(session, { identifiers: names });
    for (const url of order.authorizations) {
      const challenge = (await getAuthorization(session, url)).challenges.find(
        ({ type }) => type === 'http-01',
      )!;
      await pebble.challenges.addHttp01(
        challenge.token!,
        await keyAuthorization(session.key, challenge),
      );
      await challengeReady(session, challenge);
    }
    if (order.status === 'pending') order = await pollOrder(session, order);
    const key = await webcrypto().generate('ec-p256');
    order = await finalizeOrder(
      session,
      order as Order<'ready'>,
      await createCsr({ identifiers: names, key }),
    );
    if (order.status === 'processing') order = await pollOrder(session, order);
    const { pem, alternates } = await downloadCertificate(session, order as Order<'valid'>);
    return { der: parseChain(pem)[0]!.der, key, alternates };
  }

  it.each(jwsAlgorithms.filter((algorithm) => algorithm !== 'EdDSA'))(
    'an account key of %s is taken',
    async (algorithm) => {
      const { key } = await generateAccountKey(algorithm);
      await expect(getAccount(await opened(key))).resolves.toMatchObject({ status: 'valid' });
    },
  );
  it('an account is found by its key, changed, and lost when it is given up', async () => {
    const session = await opened();
    await expect(updateAccount(session, { contact: ['mailto:b@a.test'] })).resolves.toMatchObject({
      contact: ['mailto:b@a.test'],
    });
    const again = acmeSession({
      directory: pebble.directory,
      key: session.key,
      fetch: nodeFetch({ ca: pebble.caCertificate }),
    });
    await expect(newAccount(again, { onlyReturnExisting: true })).resolves.toMatchObject({
      url: session.account,
    });
    await expect(deactivateAccount(session)).resolves.toMatchObject({ status: 'deactivated' });
    await expect(
      newOrder(session, { identifiers: identifiers(['late.test']) }),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_ACME_(UNAUTHORIZED|ACCOUNT_DOES_NOT_EXIST)$/),
    });
  });
  it('an account that is not there is not made by asking', async () => {
    const session = acmeSession({
      directory: pebble.directory,
      key: (await generateAccountKey()).key,
      fetch: nodeFetch({ ca: pebble.caCertificate }),
    });
    await expect(newAccount(session, { onlyReturnExisting: true })).rejects.toMatchObject({
      code: 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
    });
  });
  it('a new key takes the place of the old one, which can no longer sign', async () => {
    const session = await opened();
    const { key } = await generateAccountKey('ES384');
    await changeKey(session, key);
    const renewed = acmeSession({
      directory: pebble.directory,
      key,
      account: session.account,
      fetch: nodeFetch({ ca: pebble.caCertificate }),
    });
    await expect(getAccount(renewed)).resolves.toMatchObject({ url: session.account });
    await expect(getAccount(session)).rejects.toHaveProperty('code');
    const otherSession = await opened();
    await expect(changeKey(otherSession, key)).rejects.toHaveProperty('code'); // by 409, as RFC 8555 §7.3.5 has it; by 500 at Pebble 2.4
  });
  it('orders are listed over pages', async () => {
    const session = await opened();
    const made: string[] = [];
    for (let n = 0; n < 5; n++)
      made.push((await newOrder(session, { identifiers: identifiers([`listed-${n}.test`]) })).url);
    const listed: string[] = [];
    for await (const url of listOrders(session, await getAccount(session))) listed.push(url);
    expect(listed.sort()).toEqual(made.sort());
  });
  it('an authorization is given up', async () => {
    const session = await opened();
    const order = await newOrder(session, { identifiers: identifiers(['given-up.test']) });
    await expect(deactivateAuthorization(session, order.authorizations[0]!)).resolves.toMatchObject(
      { status: 'deactivated' },
    );
  });
  it('a certificate comes with another chain, and is revoked by its account, once and again', async () => {
    const session = await opened();
    const { der, alternates } = await issued(session, 'account-revokes.test');
    expect(alternates).toHaveLength(1);
    await expect(
      downloadCertificate(session, { certificate: alternates[0]! }),
    ).resolves.toMatchObject({ pem: expect.stringContaining('BEGIN CERTIFICATE') });
    await revokeCertificate(session, der, { reason: 'superseded' });
    await revokeCertificate(session, der);
  });
  it('a certificate is revoked by its own key, from an account that has nothing to do with it', async () => {
    const { der, key } = await issued(await opened(), 'key-revokes.test');
    const secondAccount = await opened();
    await expect(revokeCertificate(secondAccount, der)).rejects.toMatchObject({
      code: 'ERR_ACME_UNAUTHORIZED',
    });
    await expect(
      revokeCertificate(secondAccount, der, {
        reason: 'keyCompromise',
        key: await importAccountKey(new TextDecoder().decode(await privateKeyPem(key))),
      }),
    ).resolves.toBe('revoked');
    await expect(
      revokeCertificate(secondAccount, der, {
        key: await importAccountKey(new TextDecoder().decode(await privateKeyPem(key))),
      }),
    ).resolves.toBe('already-revoked');
  });
  it('a name that is refused is named by the CA', async () => {
    await expect(
      newOrder(await opened(), { identifiers: identifiers(['good.test', 'www.blocked.test']) }),
    ).rejects.toMatchObject({
      code: 'ERR_ACME_REJECTED_IDENTIFIER',
      message: expect.stringContaining('www.blocked.test'),
    });
  });
});
