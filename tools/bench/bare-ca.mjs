// The barest CA that a client accepts: an https server of Node that answers from memory. It verifies
// each request and each request for a certificate by node:crypto, and signs the certificate. It asks
// no web server, stores nothing, and checks nothing else. An order is processing when it was just
// finalized, so that a client asks for it once more: eight verifications for an issuance. Prints its
// URL and its root; ends with its standard input.
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { der } from './bare-client.mjs';

const day = 86_400_000;
const bytes = (hex) => Buffer.from(hex, 'hex');
const ecdsaWithSha256 = bytes('300a06082a8648ce3d040302');
/** The start of each SubjectPublicKeyInfo of P-256, which has 91 bytes. RFC 5480 */
const p256Start = bytes('3059301306072a8648ce3d020106082a8648ce3d030107034200');
const subjectAltName = bytes('0603551d11');
const endEntity = der(0x30, bytes('0603551d13'), der(0x04, der(0x30)));
const serverAuth = der(0x30, bytes('0603551d25'), bytes('040c300a06082b06010505070301'));
const authority = der(0x30, bytes('0603551d13'), bytes('0101ff'), bytes('040530030101ff'));

const issuer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuerName = nameOf('Bare CA');
const rootPem = certificateOf({
  subject: issuerName,
  publicKey: issuer.publicKey.export({ type: 'spki', format: 'der' }),
  extensions: [authority],
});
const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const localhost = der(0x30, der(0x82, Buffer.from('localhost')));
const accounts = new Map();
const orders = new Map();
const nonces = new Set();

const https = createServer(
  {
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificateOf({
      subject: nameOf('localhost'),
      publicKey: server.publicKey.export({ type: 'spki', format: 'der' }),
      extensions: [endEntity, serverAuth, der(0x30, subjectAltName, der(0x04, localhost))],
    }),
    keepAliveTimeout: 60_000,
  },
  (incoming, outgoing) => {
    const chunks = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', () => answer(incoming, Buffer.concat(chunks), outgoing));
  },
);
https.listen(0, '127.0.0.1');
await once(https, 'listening');
const base = `https://localhost:${https.address().port}`;
console.log(JSON.stringify({ directory: `${base}/directory`, root: rootPem }));
process.stdin.resume().once('end', () => process.exit());

function answer({ url }, body, outgoing) {
  const [, kind, id] = url.split('/');
  const nonce = randomBytes(16).toString('base64url');
  nonces.add(nonce);
  let reply;
  try {
    reply = body.length === 0 ? unsigned[kind]() : signed[kind](verified(url, body), id);
  } catch (error) {
    reply = {
      status: 400,
      json: { type: 'urn:ietf:params:acme:error:malformed', detail: String(error) },
    };
  }
  const { status = 200, json, pem, location } = reply;
  const text = pem ?? JSON.stringify(json);
  outgoing
    .writeHead(status, {
      'content-type': pem ? 'application/pem-certificate-chain' : kindOf(status),
      'content-length': Buffer.byteLength(text),
      'replay-nonce': nonce,
      'cache-control': 'no-store',
      link: `<${base}/directory>;rel="index"`,
      ...(location && { location }),
    })
    .end(text);
}

const kindOf = (status) => (status < 400 ? 'application/json' : 'application/problem+json');

/** @returns the account's URL and key, and the payload */
function verified(url, body) {
  const { protected: header, payload, signature } = JSON.parse(body);
  const { nonce, jwk, kid, url: signedUrl } = JSON.parse(Buffer.from(header, 'base64url'));
  if (!nonces.delete(nonce)) throw new Error('the nonce is not known');
  if (signedUrl !== base + url) throw new Error('the request was signed for another URL');
  const key = jwk ? createPublicKey({ key: jwk, format: 'jwk' }) : accounts.get(kid);
  const isRight = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  if (!isRight) throw new Error('the signature is wrong');
  return { kid, key, payload: payload && JSON.parse(Buffer.from(payload, 'base64url')) };
}

const unsigned = {
  directory: () => ({
    json: Object.fromEntries(
      ['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange'].map((name) => [
        name,
        `${base}/${name}`,
      ]),
    ),
  }),
  newNonce: () => ({ json: {} }),
};

const signed = {
  newAccount({ key }) {
    const location = `${base}/account/${accounts.size + 1}`;
    accounts.set(location, key);
    return { status: 201, location, json: { status: 'valid', orders: `${location}/orders` } };
  },
  newOrder({ payload: { identifiers } }) {
    const id = randomBytes(16).toString('base64url');
    const token = randomBytes(32).toString('base64url');
    orders.set(id, { identifiers, token, isValid: false, pem: undefined });
    return { status: 201, location: `${base}/order/${id}`, json: orderOf(id) };
  },
  authorization: (_, id) => ({ json: authorizationOf(id) }),
  challenge(_, id) {
    orders.get(id).isValid = true;
    return { json: authorizationOf(id).challenges[0] };
  },
  order: (_, id) => ({ json: orderOf(id), location: `${base}/order/${id}` }),
  finalize({ payload: { csr } }, id) {
    const json = { ...orderOf(id), status: 'processing' };
    orders.get(id).pem = certificateFor(Buffer.from(csr, 'base64url')) + rootPem;
    return { json, location: `${base}/order/${id}` };
  },
  certificate: (_, id) => ({ pem: orders.get(id).pem }),
};

function orderOf(id) {
  const { identifiers, isValid, pem } = orders.get(id);
  const validated = isValid ? 'ready' : 'pending';
  return {
    status: pem ? 'valid' : validated,
    expires: new Date(Date.now() + day).toISOString(),
    identifiers,
    authorizations: [`${base}/authorization/${id}`],
    finalize: `${base}/finalize/${id}`,
    ...(pem && { certificate: `${base}/certificate/${id}` }),
  };
}

function authorizationOf(id) {
  const { identifiers, isValid, token } = orders.get(id);
  const status = isValid ? 'valid' : 'pending';
  const validated = isValid && { validated: new Date().toISOString() };
  const url = `${base}/challenge/${id}`;
  return {
    status,
    expires: new Date(Date.now() + day).toISOString(),
    identifier: identifiers[0],
    challenges: ['http-01', 'dns-01', 'tls-alpn-01'].map((type) => ({
      type,
      url,
      status,
      token,
      ...validated,
    })),
  };
}

/** Issues for the key and the names of a request for P-256. RFC 2986 */
function certificateFor(csr) {
  const information = elementAt(csr, elementAt(csr, 0).start);
  const [algorithm, signature] = [information.end, information.end + ecdsaWithSha256.length];
  if (!csr.subarray(algorithm, signature).equals(ecdsaWithSha256))
    throw new Error('the request is signed by another algorithm');
  const at = csr.indexOf(p256Start);
  const publicKey = csr.subarray(at, at + 91);
  const isRight = verify(
    'sha256',
    csr.subarray(information.from, information.end),
    createPublicKey({ key: publicKey, type: 'spki', format: 'der' }),
    csr.subarray(elementAt(csr, signature).start + 1),
  );
  if (!isRight) throw new Error('the signature of the request is wrong');
  const oid = csr.indexOf(subjectAltName);
  const names = elementAt(csr, oid + subjectAltName.length);
  const extension = der(0x30, csr.subarray(oid, names.end));
  return certificateOf({
    subject: der(0x30),
    publicKey,
    extensions: [endEntity, serverAuth, extension],
  });
}

/** @returns where an element of DER, its content, and its end are */
function elementAt(encoded, from) {
  const short = encoded[from + 1];
  const more = short > 127 ? short - 128 : 0;
  const start = from + 2 + more;
  const length = more === 0 ? short : encoded.readUIntBE(from + 2, more);
  return { from, start, end: start + length };
}

/** @returns PEM. RFC 5280 §4.1 */
function certificateOf({ subject, publicKey, extensions }) {
  const tbs = der(
    0x30,
    bytes('a003020102'),
    der(0x02, Buffer.from([1]), randomBytes(15)),
    ecdsaWithSha256,
    issuerName,
    der(0x30, utcTime(Date.now() - 3_600_000), utcTime(Date.now() + 90 * day)),
    subject,
    publicKey,
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', tbs, issuer.privateKey));
  const text = der(0x30, tbs, ecdsaWithSha256, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${text.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
}

function utcTime(milliseconds) {
  const digits = new Date(milliseconds).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function nameOf(commonName) {
  const attribute = der(0x30, bytes('0603550403'), der(0x0c, Buffer.from(commonName)));
  return der(0x30, der(0x31, attribute));
}
