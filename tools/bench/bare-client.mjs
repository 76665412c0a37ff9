// The barest loop that is correct: the requests of one issuance after the other, signed by
// node:crypto, over kept connections. Nothing is checked but the status of each answer.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { Agent, request } from 'node:https';
import { http01 } from './http01.mjs';

const p256 = { namedCurve: 'P-256' };
const base64url = (value) => Buffer.from(value).toString('base64url');

/** @param options `concurrency`: how many names of a certificate are worked on at once */
export async function open({ directory, managementUrl, concurrency = 1 }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 20, timeout: 10_000 });
  const { newNonce, newAccount, newOrder } = JSON.parse(
    (await answerTo(directory, { agent, method: 'GET' })).text,
  );
  const { privateKey, publicKey } = generateKeyPairSync('ec', p256);
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  const jwk = { crv, kty, x, y };
  const thumbprint = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
  const post = poster({ agent, newNonce, privateKey });
  const { location: kid } = await post(newAccount, { termsOfServiceAgreed: true }, { jwk });
  const ask = async (url, payload = '') => await post(url, payload, { kid });
  const until = async (status, url) => {
    for (let wait = 5; ; wait *= 2) {
      const object = JSON.parse((await ask(url)).text);
      if (object.status === status) return object;
      if (object.status === 'invalid') throw new Error(`${url} is invalid`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
  const web = http01(managementUrl);
  const authorize = async (url) => {
    const { challenges } = JSON.parse((await ask(url)).text);
    const { token, url: challenge } = challenges.find(({ type }) => type === 'http-01');
    await web.add(token, `${token}.${thumbprint}`);
    await ask(challenge, {});
    await until('valid', url);
    await web.remove(token);
  };
  return {
    async issue(names) {
      const identifiers = names.map((value) => ({ type: 'dns', value }));
      const { text, location } = await ask(newOrder, { identifiers });
      const order = JSON.parse(text);
      const authorizations = order.authorizations.values();
      const lane = async () => {
        for (const url of authorizations) await authorize(url);
      };
      await Promise.all(Array.from({ length: concurrency }, lane));
      await ask(order.finalize, { csr: base64url(certificateRequest(names)) });
      const { certificate } = await until('valid', location);
      await ask(certificate);
    },
    close() {
      agent.destroy();
      web.close();
    },
  };
}

/** Returns what sends signed requests, with the nonces of earlier answers. */
function poster({ agent, newNonce, privateKey }) {
  const nonces = [];
  const send = async (url, options) => {
    const answer = await answerTo(url, { agent, ...options });
    if (answer.nonce) nonces.push(answer.nonce);
    return answer;
  };
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  return async (url, payload, identity) => {
    if (nonces.length === 0) await send(newNonce, { method: 'HEAD' });
    const nonce = nonces.pop();
    const header = base64url(JSON.stringify({ alg: 'ES256', ...identity, nonce, url }));
    const content = payload === '' ? '' : base64url(JSON.stringify(payload));
    const signature = base64url(sign('sha256', Buffer.from(`${header}.${content}`), key));
    const body = JSON.stringify({ protected: header, payload: content, signature });
    return await send(url, { method: 'POST', body });
  };
}

function answerTo(url, { agent, method, body }) {
  const headers = body && {
    'content-type': 'application/jose+json',
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    request(url, { agent, method, headers }, (response) => {
      const chunks = [];
      const { 'replay-nonce': nonce, location } = response.headers;
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode >= 300) reject(new Error(`${url}: ${text}`));
        else resolve({ text, location, nonce });
      });
    })
      .on('error', reject)
      .on('timeout', () => reject(new Error(`${url} has not answered for ten seconds`)))
      .end(body);
  });
}

/** A request for a certificate in DER, for names below 100 characters and a new key. RFC 2986 */
function certificateRequest(names) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', p256);
  const subjectAltNames = der(0x30, ...names.map((name) => der(0x82, Buffer.from(name))));
  const extension = der(0x30, Buffer.from('0603551d11', 'hex'), der(0x04, subjectAltNames));
  const attribute = der(
    0x30,
    Buffer.from('06092a864886f70d01090e', 'hex'),
    der(0x31, der(0x30, extension)),
  );
  const information = der(
    0x30,
    Buffer.from('0201003000', 'hex'),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa0, attribute),
  );
  return der(
    0x30,
    information,
    Buffer.from('300a06082a8648ce3d040302', 'hex'),
    der(0x03, Buffer.from([0]), sign('sha256', information, privateKey)),
  );
}

export function der(tag, ...contents) {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length >= 65_536) throw new Error('the content is too long');
  const lengthBytes = [[length], [0x81, length], [0x82, length >> 8, length & 0xff]][
    Number(length > 127) + Number(length > 255)
  ];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}
