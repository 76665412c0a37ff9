import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createCsr,
  parseChain,
  type PrivateKey,
  privateKeyPem,
  verifyIssued,
  webcrypto,
} from '@acmex/certificate';
import {
  AcmeClient,
  type ChallengeSolver,
  type IssuanceProgress,
  type IssuanceState,
} from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import {
  type AcmeSession,
  acmeSession,
  changeKey,
  deactivateAccount,
  deactivateAuthorization,
  generateAccountKey,
  getAccount,
  getAuthorization,
  getOrder,
  importAccountKey,
  keyAuthorizationDigest,
  listOrders,
  newAccount,
  newOrder,
  revokeCertificate,
  updateAccount,
} from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { describeWith, startPebble } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startSubject } from './interop/subject.testing.ts';

/** A CA, and how a response comes on display before it. */
interface Place extends AsyncDisposable {
  /** Whether an account that has proven all names of a certificate may revoke it. RFC 8555 §7.6 */
  readonly revokesByProof: boolean;
  readonly directory: string;
  readonly root: string;
  http01(token: string, keyAuthorization: string): Promise<void>;
  txt(name: string, value: string): Promise<void>;
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  async Pebble() {
    const pebble = await startPebble({ http01: 'challtestsrv', ordersPerPage: 2 });
    return {
      // Pebble 2.4 knows the account of the certificate alone.
      revokesByProof: false,
      directory: pebble.directory,
      root: pebble.caCertificate,
      http01: pebble.challenges.addHttp01,
      txt: pebble.challenges.setTxt,
      [Symbol.asyncDispose]: () => pebble[Symbol.asyncDispose](),
    };
  },
  async '@acmex/ca'() {
    const subject = await startSubject();
    const responses = join(subject.webroot, '.well-known/acme-challenge');
    await mkdir(responses, { recursive: true });
    return {
      revokesByProof: true,
      directory: subject.directory,
      root: await readFile(subject.rootFile, 'utf8'),
      http01: (token, keyAuthorization) => writeFile(join(responses, token), keyAuthorization),
      txt: async (name, value) => {
        await fetch(`${subject.env.INTEROP_CONTROL}/txt`, {
          method: 'POST',
          body: JSON.stringify({ name, value }),
        });
      },
      [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
    };
  },
};

for (const [title, start] of Object.entries(places)) {
  describeWith(['pebble', 'pebble-challtestsrv'], `our own client with ${title}`, () => {
    let place: Place;
    beforeAll(async () => {
      place = await start();
    });
    afterAll(async () => {
      await place?.[Symbol.asyncDispose]();
    });
    suite(() => place);
  });
}

/** The same for every CA. */
function suite(place: () => Place): void {
  const sessionOf = async (key?: AcmeSession['key']) => {
    const session = acmeSession({
      directory: place().directory,
      key: key ?? (await generateAccountKey()).key,
      fetch: nodeFetch({ ca: place().root }),
    });
    await newAccount(session, { termsOfServiceAgreed: true, contact: ['mailto:a@own.test'] });
    return session;
  };
  const http01: ChallengeSolver = {
    type: 'http-01',
    supports: (_, wildcard) => !wildcard,
    respond: async ({ token, keyAuthorization }) => ({ token, keyAuthorization }),
    present: async ({ token, keyAuthorization }) => {
      await place().http01(String(token), String(keyAuthorization));
    },
    visible: async () => undefined,
    remove: async () => undefined,
  };
  const dns01: ChallengeSolver = {
    type: 'dns-01',
    supports: ({ type }) => type === 'dns',
    respond: async ({ identifier, keyAuthorization }) => ({
      name: `_acme-challenge.${identifier.value}`,
      value: (await keyAuthorizationDigest(keyAuthorization)).base64url,
    }),
    present: async ({ name, value }) => {
      await place().txt(String(name), String(value));
    },
    visible: async () => undefined,
    remove: async () => undefined,
  };
  const issue = async (
    session: AcmeSession,
    names: readonly string[],
    solvers = [http01],
    type: 'ec-p256' | 'rsa-2048' = 'ec-p256',
  ): Promise<{ readonly pem: string; readonly der: Uint8Array; readonly key: PrivateKey }> => {
    const key = await webcrypto().generate(type);
    const all = identifiers(names);
    const { pem } = await new AcmeClient({ session, solvers }).issue({
      identifiers: all,
      csr: await createCsr({ identifiers: all, key }),
    });
    await verifyIssued(pem, { identifiers: all, publicKey: key.publicKey });
    return { pem, der: parseChain(pem)[0]?.der ?? new Uint8Array(), key };
  };

  it('gets a certificate for several names over http-01, by EC and RSA keys', async () => {
    const session = await sessionOf();
    await issue(session, ['one.test', 'www.one.test']);
    await issue(session, ['rsa.test'], [http01], 'rsa-2048');
  });
  it('gets a wildcard beside its apex over dns-01', async () => {
    await issue(await sessionOf(), ['*.wild.test', 'wild.test'], [dns01]);
  });
  it('gets many certificates at once', async () => {
    const session = await sessionOf();
    await Promise.all(Array.from({ length: 20 }, (_, n) => issue(session, [`n${n}.many.test`])));
  });
  it('finds, changes and gives up an account', async () => {
    const session = await sessionOf();
    await expect(updateAccount(session, { contact: ['mailto:b@own.test'] })).resolves.toMatchObject(
      { contact: ['mailto:b@own.test'] },
    );
    const again = acmeSession({
      directory: place().directory,
      key: session.key,
      fetch: nodeFetch({ ca: place().root }),
    });
    await expect(newAccount(again, { onlyReturnExisting: true })).resolves.toMatchObject({
      url: session.account,
    });
    await expect(deactivateAccount(session)).resolves.toMatchObject({ status: 'deactivated' });
    await expect(
      newOrder(session, { identifiers: identifiers(['late.test']) }),
    ).rejects.toHaveProperty('code');
  });
  it('asks for no account that is not there', async () => {
    const session = acmeSession({
      directory: place().directory,
      key: (await generateAccountKey()).key,
      fetch: nodeFetch({ ca: place().root }),
    });
    await expect(newAccount(session, { onlyReturnExisting: true })).rejects.toMatchObject({
      code: 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
    });
  });
  it('changes the key of an account', async () => {
    const session = await sessionOf();
    const { key } = await generateAccountKey('ES384');
    await changeKey(session, key);
    const renewed = acmeSession({
      directory: place().directory,
      key,
      account: session.account,
      fetch: nodeFetch({ ca: place().root }),
    });
    await expect(getAccount(renewed)).resolves.toMatchObject({ url: session.account });
    await expect(getAccount(session)).rejects.toHaveProperty('code');
  });
  it('lists the orders of an account', async () => {
    const session = await sessionOf();
    const made = await Promise.all(
      ['l1.test', 'l2.test', 'l3.test'].map(
        async (name) => (await newOrder(session, { identifiers: identifiers([name]) })).url,
      ),
    );
    const listed: string[] = [];
    for await (const url of listOrders(session, await getAccount(session))) listed.push(url);
    expect(listed.sort()).toEqual([...made].sort());
  });
  it('finds the order that it made when it ended before it could keep the answer', async () => {
    const session = await sessionOf();
    await newOrder(session, { identifiers: identifiers(['other.test']) });
    const all = identifiers(['lost.test', 'www.lost.test']);
    const csr = await createCsr({ identifiers: all, key: await webcrypto().generate('ec-p256') });
    const client = new AcmeClient({ session, solvers: [http01] });
    let savedState: IssuanceState | undefined;
    const killed = client.issue(
      { identifiers: all, csr },
      {
        save: async (state) => {
          if (state.order !== undefined) throw new Error('killed');
          savedState = state;
        },
      },
    );
    await expect(killed).rejects.toThrow('killed');
    const seen: IssuanceProgress[] = [];
    await client.issue(
      { identifiers: all, csr },
      {
        state: savedState,
        onProgress: (progress) => {
          seen.push(progress);
        },
      },
    );
    expect(seen[0]).toMatchObject({ type: 'resumed' });
    const listed: string[] = [];
    for await (const url of listOrders(session, await getAccount(session))) listed.push(url);
    expect(listed).toHaveLength(2);
  });
  it('says that an order may be lost where the CA lists none', async () => {
    const session = await sessionOf();
    const silent: AcmeSession = {
      ...session,
      account: session.account,
      post: async (url, ...rest) => {
        const answer = await session.post(url, ...rest);
        return url === session.account
          ? { ...answer, text: answer.text.replace('"orders"', '"unlisted"') }
          : answer;
      },
    };
    const all = identifiers(['orphaned.test']);
    const seen: string[] = [];
    await new AcmeClient({ session: silent, solvers: [http01] }).issue(
      {
        identifiers: all,
        csr: await createCsr({ identifiers: all, key: await webcrypto().generate('ec-p256') }),
      },
      {
        state: { version: 1, ordering: true, responses: [] },
        onProgress: ({ type }) => {
          seen.push(type);
        },
      },
    );
    expect(seen.slice(0, 2)).toEqual(['order-orphaned', 'ordered']);
  });
  it('gives an authorization up', async () => {
    const session = await sessionOf();
    const {
      authorizations: [url = ''],
    } = await newOrder(session, { identifiers: identifiers(['given-up.test']) });
    await expect(deactivateAuthorization(session, url)).resolves.toMatchObject({
      status: 'deactivated',
    });
    await expect(getAuthorization(session, url)).resolves.toMatchObject({ status: 'deactivated' });
  });
  it('revokes a certificate by its account, and says so when it was revoked before', async () => {
    const session = await sessionOf();
    const { der } = await issue(session, ['revoked.test']);
    await expect(revokeCertificate(session, der, { reason: 'superseded' })).resolves.toBe(
      'revoked',
    );
    await expect(revokeCertificate(session, der)).resolves.toBe('already-revoked');
  });
  it('revokes a certificate by its own key', async () => {
    const { der, key } = await issue(await sessionOf(), ['own-key.test']);
    const unrelatedSession = await sessionOf();
    await revokeCertificate(unrelatedSession, der, {
      key: await importAccountKey(new TextDecoder().decode(await privateKeyPem(key))),
    });
  });
  it.each([
    ['names', ['proven.test', 'xn--bcher-kva.proven.test'], () => http01],
    ['a wildcard beside its apex', ['*.proven-wild.test', 'proven-wild.test'], () => dns01],
    ['an IP address', ['127.0.0.1'], () => http01],
  ] as const)(
    'proves control of names without a certificate, which permits a revocation: %s',
    async (_, names, solver) => {
      const owner = await sessionOf();
      const { der } = await issue(owner, names, [solver()]);
      const session = await sessionOf();
      const client = new AcmeClient({ session, solvers: [solver()] });
      const refused = { code: 'ERR_ACME_UNAUTHORIZED' };
      await expect(revokeCertificate(session, der)).rejects.toMatchObject(refused);
      let state: IssuanceState | undefined;
      const save = async (latest: IssuanceState) => {
        state = latest;
      };
      const proof = await client.prove({ identifiers: identifiers(names) }, { save });
      await expect(
        client.prove({ identifiers: identifiers(names) }, { state, save }),
      ).resolves.toEqual(proof);
      await expect(getOrder(session, proof.order)).resolves.toMatchObject({ status: 'ready' });
      expect(proof.validated).toHaveLength(names.length);
      const revoked = revokeCertificate(session, der);
      if (place().revokesByProof) await expect(revoked).resolves.toBe('revoked');
      else await expect(revoked).rejects.toMatchObject(refused);
      await client.withdraw(proof);
      for (const url of proof.validated)
        await expect(getAuthorization(session, url)).resolves.toMatchObject({
          status: 'deactivated',
        });
      await expect(revokeCertificate(session, der)).rejects.toMatchObject(refused);
      await expect(revokeCertificate(owner, der)).resolves.toBe(
        place().revokesByProof ? 'already-revoked' : 'revoked',
      );
    },
  );
  it('learns which of its names failed', async () => {
    const session = await sessionOf();
    const silent: ChallengeSolver = { ...http01, present: async () => undefined };
    await expect(issue(session, ['absent.test'], [silent])).rejects.toMatchObject({
      failures: [expect.objectContaining({ identifier: { type: 'dns', value: 'absent.test' } })],
    });
  });
}
