import { describe, expect, it } from '@jest/globals';
import {
  acmeSession,
  deactivateAuthorization,
  downloadCertificate,
  generateAccountKey,
  getOrder,
  getRenewalInfo,
  listOrders,
  newOrder,
  revokeCertificate,
} from './index.ts';
import { base, scriptedCa, sessionWith } from './scripted-ca.testing.ts';

const directory = (more: object = {}) => ({
  newNonce: `${base}/nonce`,
  newAccount: `${base}/account`,
  newOrder: `${base}/order`,
  ...more,
});

/** A session at a CA with a directory, and where it sent its requests. */
async function sessionAt(directoryUrl: string, answer: object) {
  const { key } = await generateAccountKey();
  const hosts: string[] = [];
  const ca = scriptedCa({
    '/dir': () => ({ body: answer }),
    '/any': () => ({ body: {} }),
  });
  const session = acmeSession({
    directory: directoryUrl,
    key,
    account: `${base}/account/1`,
    fetch: async (url, request) => {
      hosts.push(new URL(url).origin);
      return await ca.fetch(url, request);
    },
  });
  return { session, hosts };
}

describe('a request to a URL that a CA has sent', () => {
  it.each([
    ['plain http', 'http://ca.test/any', 'not https'],
    ['another host', 'https://elsewhere.test/any', 'its directory does not name'],
    ['another port', 'https://ca.test:8443/any', 'its directory does not name'],
    ['a host below', 'https://www.ca.test/any', 'its directory does not name'],
    ['a name in front', 'https://ca.test@elsewhere.test/any', 'its directory does not name'],
    ['an internal address', 'https://10.0.0.1/any', 'its directory does not name'],
    ['an address for machines in a cloud', 'http://169.254.169.254/any', 'not https'],
    ['this machine', 'https://127.0.0.1/any', 'an address of this machine'],
    ['this machine, in plain', 'http://localhost/any', 'an address of this machine'],
    ['this machine, by IPv6', 'https://[::1]/any', 'an address of this machine'],
    ['a file', 'file:///etc/passwd', 'not https'],
    ['no URL', 'any', 'not a valid URL'],
  ])('is not sent to %s', async (_, url, words) => {
    const { session, hosts } = await sessionAt(`${base}/dir`, directory());
    for (const request of [session.post(url), session.get(url), getOrder(session, url)])
      await expect(request).rejects.toMatchObject({
        code: 'ERR_ACME_ANSWER',
        message: expect.stringContaining(words),
      });
    expect(new Set(hosts)).toEqual(new Set(hosts.length > 0 ? [base] : []));
  });

  it('is sent to a host that the directory itself names', async () => {
    const { session, hosts } = await sessionAt(
      `${base}/dir`,
      directory({ renewalInfo: 'https://ari.ca.test/any' }),
    );
    await session.post('https://ari.ca.test/any', {});
    expect(hosts).toContain('https://ari.ca.test');
  });

  it.each(['newNonce', 'newOrder'])('is not sent to a %s over plain http', async (member) => {
    const { session } = await sessionAt(
      `${base}/dir`,
      directory({ [member]: `http://ca.test/any` }),
    );
    await expect(newOrder(session, { identifiers: [] })).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('not https'),
    });
  });

  it.each(['http://127.0.0.1:14000', 'https://localhost:14000', 'http://[::1]:14000'])(
    'is sent over plain http where the directory is on this machine: %s',
    async (origin) => {
      const { session } = await sessionAt(
        `${origin}/dir`,
        directory({ newNonce: `${origin}/nonce`, newOrder: 'http://localhost:14000/order' }),
      );
      await expect(session.post('http://localhost:14000/any', {})).resolves.toBeDefined();
      await expect(session.post('http://ca.test/any', {})).rejects.toMatchObject({
        code: 'ERR_ACME_ANSWER',
      });
    },
  );

  it('is not sent elsewhere by any operation', async () => {
    const elsewhere = 'https://elsewhere.test/any';
    const { session, ca } = await sessionWith({
      '/orders': () => ({
        headers: { link: `<${elsewhere}>;rel="next"` },
        body: { orders: [] },
      }),
    });
    const list = async () => {
      for await (const url of listOrders(session, { orders: `${base}/orders` })) void url;
    };
    for (const operation of [
      () => getOrder(session, elsewhere),
      () => downloadCertificate(session, { certificate: elsewhere }),
      () => deactivateAuthorization(session, elsewhere),
      list,
    ])
      await expect(operation()).rejects.toMatchObject({
        code: 'ERR_ACME_ANSWER',
        message: expect.stringContaining('elsewhere.test'),
      });
    expect(ca.received.every(({ url }) => url.startsWith(`${base}/`))).toBe(true);
  });

  it('is not sent to a renewalInfo or revokeCert over plain http', async () => {
    const { session } = await sessionAt(
      `${base}/dir`,
      directory({ renewalInfo: 'http://ca.test/any', revokeCert: 'http://ca.test/any' }),
    );
    await expect(getRenewalInfo(session, 'a.b')).rejects.toMatchObject({ code: 'ERR_ACME_ANSWER' });
    await expect(revokeCertificate(session, Uint8Array.of(1))).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER',
    });
  });
});

describe('a URL that is not that of a directory', () => {
  const notFound = () => ({
    status: 404,
    headers: { 'content-type': 'application/problem+json' },
    body: { type: 'urn:ietf:params:acme:error:malformed', detail: 'there is nothing at this URL' },
  });
  it.each([400, 404, 405])('is named when the CA answers %d with a problem', async (status) => {
    const { session } = await sessionWith({ '/dir': () => ({ ...notFound(), status }) });
    await expect(session.directory()).rejects.toMatchObject({
      code: 'ERR_ACME_NOT_ACME',
      message: expect.stringContaining(`${base}/dir`),
    });
  });
  it.each([
    ['https://acme-v02.api.letsencrypt.org/', 'https://acme-v02.api.letsencrypt.org/directory'],
    ['https://acme.zerossl.com/directory', 'https://acme.zerossl.com/v2/DV90'],
    ['https://dv.acme-v02.api.pki.goog/', 'https://dv.acme-v02.api.pki.goog/directory'],
  ])('comes with the right one of a known CA: %s', async (url, right) => {
    const { key } = await generateAccountKey();
    const { fetch } = scriptedCa({ '/': notFound, '/directory': notFound });
    await expect(acmeSession({ directory: url, key, fetch }).directory()).rejects.toMatchObject({
      code: 'ERR_ACME_NOT_ACME',
      message: expect.stringContaining(right),
    });
  });
});
