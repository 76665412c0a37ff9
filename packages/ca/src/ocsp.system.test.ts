import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CertificateInfo } from '@acmex/certificate';
import {
  der,
  encoding,
  members,
  objectIdentifier,
  readDerValue,
} from '@acmex/certificate/structure';
import { systemClock, virtualClock } from '@acmex/clock';
import { temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { x509 } from './authority/x509.ts';
import { base, issue, type TestCa, testAuthority, testCa, type TestClient } from './ca.testing.ts';
import { CaError, nodeHandler, revokeIssued } from './index.ts';

const run = promisify(execFile);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ca: TestCa;
let account: TestClient;
let url: string;
/** Keeps connections, also while a test computes for long. */
const server = createServer({ keepAliveTimeout: 600_000 });

beforeAll(async () => {
  folder = await temporaryFolder('ocsp');
  const { root, issuing } = await testAuthority();
  await writeFile(join(folder.path, 'root.pem'), root);
  await writeFile(join(folder.path, 'issuing.pem'), issuing);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // OpenSSL checks responses by the time of this machine.
  const clock = virtualClock({ now: systemClock.now() });
  ca = await testCa({ ocsp: true, repositoryUrl: url, clock });
  server.on('request', nodeHandler(ca.server.repository) as RequestListener);
  account = await ca.account();
}, 60_000);
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await folder[Symbol.asyncDispose]();
});

const issued = async () => (await issue(ca, account, ['a.test'])).leaf;
const openssl = async (...args: readonly string[]) => {
  const { stdout, stderr } = await run('openssl', ['ocsp', '-issuer', 'issuing.pem', ...args], {
    cwd: folder.path,
  });
  return `${stdout}${stderr}`;
};
const ask = async (serialNumber: string, ...args: readonly string[]) =>
  await openssl(
    ...['-serial', `0x${serialNumber}`, '-url', `${url}/ocsp`, '-CAfile', 'root.pem'],
    ...['-verify_other', 'issuing.pem', '-resp_text', ...args],
  );
/** A request of OpenSSL, DER. */
const requestFor = async (serialNumber: string, ...args: readonly string[]) => {
  await openssl('-serial', `0x${serialNumber}`, '-reqout', 'request.der', ...args);
  return await readFile(join(folder.path, 'request.der'));
};
const post = async (body: Uint8Array) => {
  const response = await fetch(`${url}/ocsp`, {
    method: 'POST',
    headers: { 'content-type': 'application/ocsp-request' },
    body: Uint8Array.from(body),
  });
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
};
const get = async (request: Uint8Array) =>
  await fetch(`${url}/ocsp/${encodeURIComponent(Buffer.from(request).toString('base64'))}`);
const errors = { malformedRequest: '30030a0101', unauthorized: '30030a0106' };

describe('the OCSP responder of a CA', () => {
  it('is named in certificates where it is on, and only there', async () => {
    const accessOf = ({ der }: CertificateInfo) =>
      new x509.X509Certificate(Uint8Array.from(der)).getExtension(x509.AuthorityInfoAccessExtension)
        ?.ocsp;
    expect(accessOf(await issued())).toMatchObject([{ value: `${url}/ocsp` }]);
    const off = await testCa();
    const { leaf } = await issue(off, await off.account(), ['a.test']);
    expect(accessOf(leaf)).toEqual([]);
    const answer = await off.server.handler(
      new Request(`${base}/ocsp`, { method: 'POST', body: new Uint8Array(10) }),
    );
    expect(answer.status).toBe(404);
  });

  it('says good, revoked with time and reason, and unknown, as OpenSSL verifies', async () => {
    const [good, revoked] = [await issued(), await issued()];
    await revokeIssued(ca.storage, revoked.serialNumber, {
      reason: 'keyCompromise',
      clock: ca.clock,
    });
    const answer = await ask(good.serialNumber);
    expect(answer).toContain('Response verify OK');
    expect(answer).toContain(': good');
    expect(answer).not.toContain('WARNING: no nonce');
    const second = await ask(revoked.serialNumber);
    expect(second).toContain('Response verify OK');
    expect(second).toMatch(/: revoked\n[^]*Reason: keyCompromise\n\s+Revocation Time: /);
    expect(await ask('41424344')).toMatch(/: unknown\n[^]*Response verify OK/);
  });

  it('says revoked at once, also after the response was signed before', async () => {
    const { serialNumber } = await issued();
    await expect(ask(serialNumber, '-no_nonce')).resolves.toContain(': good');
    await revokeIssued(ca.storage, serialNumber, { clock: ca.clock });
    await expect(ask(serialNumber, '-no_nonce')).resolves.toContain(': revoked');
  });

  it('signs by a responder that the issuer has certified, with id-pkix-ocsp-nocheck', async () => {
    const { serialNumber } = await issued();
    const answer = await ask(serialNumber);
    expect(answer).toContain('OCSP No Check');
    expect(answer).toContain('OCSP Signing');
    expect(answer).toMatch(/Subject: CN ?= ?OCSP responder/);
  });

  it('answers by GET from what it has signed before, for caches, and not by POST', async () => {
    const { serialNumber } = await issued();
    const request = await requestFor(serialNumber, '-no_nonce');
    const [first, second] = [await get(request), await get(request)];
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-type': 'application/ocsp-response',
      'cache-control': 'max-age=3600, public, no-transform, must-revalidate',
      etag: expect.stringMatching(/^"[0-9a-f]{64}"$/),
      'last-modified': expect.any(String),
      expires: expect.any(String),
    });
    const body = Buffer.from(await first.arrayBuffer());
    expect(Buffer.from(await second.arrayBuffer()).equals(body)).toBe(true);
    expect((await post(request)).body.equals(body)).toBe(true);
    const withNonce = await get(await requestFor(serialNumber));
    expect(withNonce.headers.get('cache-control')).toBe('no-store');
  });

  it('answers unauthorized for a certificate of another issuer', async () => {
    const { serialNumber } = await issued();
    await run('openssl', [
      ...['ocsp', '-issuer', join(folder.path, 'root.pem'), '-serial', `0x${serialNumber}`],
      ...['-reqout', join(folder.path, 'root.der')],
    ]);
    const answer = await post(await readFile(join(folder.path, 'root.der')));
    expect(answer.body.toString('hex')).toBe(errors.unauthorized);
  });

  it('survives 1,000 malformed requests, and answers each', async () => {
    const { serialNumber } = await issued();
    const request = await requestFor(serialNumber);
    const next = random(11);
    const kinds = new Set<string>();
    for (let count = 0; count < 1000; count += 1) {
      const changed = Uint8Array.from(request);
      for (let change = 0; change <= count % 3; change += 1)
        changed[Math.floor(next() * changed.length)] = Math.floor(next() * 256);
      const body = next() < 0.2 ? changed.subarray(0, Math.floor(next() * 100)) : changed;
      const answer = await ca.server.repository(
        new Request(`${url}/ocsp`, { method: 'POST', body }),
      );
      expect(answer.status).toBe(200);
      const hex = Buffer.from(await answer.arrayBuffer()).toString('hex');
      kinds.add(hex.length < 20 ? hex : 'response');
    }
    expect([...kinds].sort()).toEqual(
      [...Object.values(errors), 'response'].sort((a, b) => (a < b ? -1 : 1)),
    );
    expect(ca.failures).toEqual([]);
  });

  it('refuses a request that is too large, or not base64', async () => {
    expect((await post(new Uint8Array(5000))).status).toBe(413);
    const answer = await fetch(`${url}/ocsp/%E0%A4%A`);
    expect(Buffer.from(await answer.arrayBuffer()).toString('hex')).toBe(errors.malformedRequest);
  });

  it('refuses a nonce of more than 128 bytes', async () => {
    const { serialNumber } = await issued();
    const request = await requestFor(serialNumber);
    const at = request.indexOf(Buffer.from('2b0601050507300102', 'hex'));
    expect(at).toBeGreaterThan(0);
    const [content] = members(readDerValue(request));
    const [list] = members(content!);
    const nonce = (length: number) =>
      der(
        0xa2,
        der(
          0x30,
          der(
            0x30,
            objectIdentifier('1.3.6.1.5.5.7.48.1.2'),
            der(4, der(4, new Uint8Array(length))),
          ),
        ),
      );
    const withNonce = (length: number) => der(0x30, der(0x30, encoding(list!), nonce(length)));
    expect((await post(withNonce(128))).body.length).toBeGreaterThan(100);
    for (const length of [0, 129])
      expect((await post(withNonce(length))).body.toString('hex')).toBe(errors.malformedRequest);
  });

  it.each<[string, (content: readonly Uint8Array[]) => readonly Uint8Array[], string?]>([
    ['of an unknown version', (content) => [Buffer.from('a003020101', 'hex'), ...content]],
    ['with a member that is unknown', (content) => [...content, Buffer.from('0500', 'hex')]],
    [
      'with a requestor that is not a name',
      (content) => [Buffer.from('a1020500', 'hex'), ...content],
    ],
    ['with a member after its signature', (content) => content, '0500'],
  ])('refuses a request %s', async (_, change, after = '') => {
    const request = await requestFor((await issued()).serialNumber, '-no_nonce');
    const [content] = members(readDerValue(request));
    const changed = der(0x30, ...change(members(content!).map(encoding)));
    const answer = await post(der(0x30, changed, Buffer.from(after, 'hex')));
    expect(answer.body.toString('hex')).toBe(errors.malformedRequest);
  });

  it('renews the certificate of its responder after half of its life', async () => {
    const aging = await testCa({ ocsp: true, repositoryUrl: url });
    const { leaf } = await issue(aging, await aging.account(), ['a.test']);
    const request = await requestFor(leaf.serialNumber);
    const responder = async () => {
      const answer = await aging.server.repository(
        new Request(`${url}/ocsp`, { method: 'POST', body: Uint8Array.from(request) }),
      );
      expect(answer.status).toBe(200);
      return new TextDecoder().decode((await aging.storage.get('ca/ocsp-responder/1'))?.value);
    };
    const first = await responder();
    await aging.clock.advance({ hours: 24 * 10 });
    await expect(responder()).resolves.toBe(first);
    await aging.clock.advance({ hours: 24 * 6 });
    await expect(responder()).resolves.not.toBe(first);
  });

  it('uses its responder to the end when it cannot certify another, and asks to try later then', async () => {
    const { issuer } = ca;
    let certify = issuer.responder!;
    const responder: typeof certify = async (issuance) => await certify(issuance);
    const aging = await testCa({
      ocsp: true,
      repositoryUrl: url,
      issuer: { ...issuer, responder },
    });
    const { leaf } = await issue(aging, await aging.account(), ['a.test']);
    const body = Uint8Array.from(await requestFor(leaf.serialNumber));
    const answer = async () => {
      const request = new Request(`${url}/ocsp`, { method: 'POST', body });
      const response = await aging.server.repository(request);
      const hex = Buffer.from(await response.arrayBuffer()).toString('hex');
      return [response.status, hex.length < 20 ? hex : 'response'];
    };
    expect(await answer()).toEqual([200, 'response']);
    certify = async () => {
      throw new CaError('ERR_CA_KEY_UNAVAILABLE', 'the device is away');
    };
    await aging.clock.advance({ hours: 24 * 16 });
    expect(await answer()).toEqual([200, 'response']);
    await aging.clock.advance({ hours: 24 * 15 });
    expect(await answer()).toEqual([200, '30030a0103']);
    certify = issuer.responder!;
    expect(await answer()).toEqual([200, 'response']);
    expect(aging.failures).toEqual([]);
  });
});

/** A generator of numbers with a seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
