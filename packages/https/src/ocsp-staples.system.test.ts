import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { nodeHandler, revokeIssued } from '@acmex/ca';
import { systemClock, virtualClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { describeWith, eventually } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type TestPrograms, testPrograms } from './autocert.testing.ts';
import { OcspStaples } from './ocsp-staples.ts';

const run = promisify(execFile);
const allowResponders = ['127.0.0.1'];

describeWith(['openssl'], 'OCSP stapling', () => {
  let responder: Server;
  let programs: TestPrograms;
  /** Of the responder. */
  let requests: number;
  let answer: RequestListener;
  const refuse: RequestListener = (request) => request.socket.destroy();
  beforeEach(async () => {
    requests = 0;
    responder = createServer((request, response) => {
      requests += 1;
      answer(request, response);
    });
    await once(responder.listen(0, '127.0.0.1'), 'listening');
    const { port } = responder.address() as AddressInfo;
    programs = await testPrograms({ responderUrl: `http://127.0.0.1:${port}` });
    answer = nodeHandler(programs.ca.repository) as RequestListener;
  });
  afterEach(async () => {
    await programs[Symbol.asyncDispose]();
    responder.close();
    responder.closeAllConnections();
  });

  /** Makes a handshake by OpenSSL, and returns what it says of the certificate and its staple. */
  async function statusOf(servername?: string, options: readonly string[] = []) {
    const name = servername === undefined ? ['-noservername'] : ['-servername', servername];
    const connect = ['-connect', `127.0.0.1:${programs.ports.https}`, '-status', '-showcerts'];
    const script = 'openssl s_client "$@" </dev/null 2>&1';
    const { stdout } = await run('sh', ['-c', script, 'sh', ...connect, ...name, ...options]);
    // The text of a staple contains the certificate of the responder.
    const text = stdout.slice(stdout.indexOf('Certificate chain'));
    const chain = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
    const certificates = chain.map((pem) => new X509Certificate(pem));
    return {
      certificates,
      serial: certificates[0]?.serialNumber,
      hasNone: stdout.includes('OCSP response: no response sent'),
      staple: /Cert Status: (\w+)/.exec(stdout)?.[1],
      stapledSerial: /Serial Number: (\w+)/.exec(stdout)?.[1],
    };
  }
  const codes = () => programs.errors.map(errorCode);

  it('staples a verified response for each certificate, from the second handshake on', async () => {
    const tls = await programs.listen({ names: [['a.test'], ['b.test']], allowResponders });
    await tls.ready();
    for (const name of [undefined, 'b.test'])
      expect(await statusOf(name)).toMatchObject({ hasNone: true, staple: undefined });
    for (const [name, version] of [
      [undefined, '-tls1_2'],
      ['b.test', '-tls1_3'],
    ] as const) {
      await eventually(async () => (await statusOf(name)).staple !== undefined);
      const { staple, serial, stapledSerial } = await statusOf(name, [version]);
      expect([staple, stapledSerial]).toEqual(['good', serial]);
    }
    expect([requests, codes()]).toEqual([2, []]);
    // After a restart, the stored response is stapled while the responder is away.
    await programs.stop();
    answer = refuse;
    await programs.listen({ names: [['a.test'], ['b.test']], allowResponders });
    await eventually(async () => (await statusOf('b.test')).staple === 'good');
    expect([requests, codes()]).toEqual([2, []]);
  }, 30_000);

  it.each<[string, RequestListener]>([
    ['is down', refuse],
    ['answers garbage', (_, response) => void response.end('garbage')],
  ])(
    'serves without a staple where the responder %s, and reports it once',
    async (_, listener) => {
      answer = listener;
      const tls = await programs.listen({ names: [['a.test'], ['b.test']], allowResponders });
      await tls.ready();
      await statusOf('a.test');
      await eventually(() => programs.errors.length > 0);
      for (const name of ['a.test', 'b.test', 'b.test'])
        expect(await statusOf(name)).toMatchObject({ hasNone: true });
      await eventually(() => requests === 2);
      expect([requests, codes()]).toEqual([2, ['ERR_HTTPS_NOT_STAPLED']]);
    },
    30_000,
  );

  it('staples no response that says revoked, and reports it', async () => {
    const tls = await programs.listen({ names: ['a.test'], allowResponders });
    await tls.ready();
    const [{ serialNumber } = { serialNumber: '' }] = await tls.status();
    await revokeIssued(programs.ca.storage, serialNumber ?? '', { reason: 'keyCompromise' });
    await statusOf('a.test');
    await eventually(() => programs.errors.length > 0);
    expect(await statusOf('a.test')).toMatchObject({ hasNone: true });
    expect([requests, codes()]).toEqual([1, ['ERR_HTTPS_REVOKED']]);
  }, 30_000);

  it('asks no responder at another port than 80 and 443 by default, and says so', async () => {
    const tls = await programs.listen({ names: ['a.test'] });
    await tls.ready();
    await statusOf('a.test');
    await eventually(() => programs.errors.length > 0);
    expect(String(programs.errors[0])).toContain('80 or 443 alone is permitted');
    expect([requests, codes()]).toEqual([0, ['ERR_HTTPS_NOT_STAPLED']]);
  }, 30_000);

  it('staples nothing where a name has certificates of two key types', async () => {
    const keyTypes = ['ec-p256', 'rsa-2048'] as const;
    const tls = await programs.listen({ names: ['a.test'], keyTypes, allowResponders });
    await tls.ready();
    const serials = new Set<string | undefined>();
    for (const algorithm of ['ECDSA+SHA256', 'RSA-PSS+SHA256', 'ECDSA+SHA256', 'RSA-PSS+SHA256']) {
      const { hasNone, serial } = await statusOf('a.test', ['-sigalgs', algorithm]);
      expect(hasNone).toBe(true);
      serials.add(serial);
    }
    expect([serials.size, requests, codes()]).toEqual([2, 0, []]);
  }, 30_000);

  it('fetches a response again in the middle of its life, and staples none that has ended', async () => {
    const tls = await programs.listen({ names: ['a.test'] });
    await tls.ready();
    const [leaf, issuer] = (await statusOf()).certificates;
    await eventually(() => programs.errors.length > 0);
    const clock = virtualClock({ now: systemClock.now() });
    const errors: unknown[] = [];
    await using staples = new OcspStaples({
      ...{ clock, storage: memoryStorage(), allow: allowResponders },
      onError: (error) => errors.push(error),
    });
    expect(staples.add({ names: ['a.test'], cert: [leaf!.toString()] })).toBe(true);
    const stapled = () => {
      let response: Buffer | null | undefined;
      staples.answer(leaf!.raw, issuer!.raw, (_, staple) => {
        response = staple;
      });
      return response;
    };
    expect([stapled(), stapled()]).toEqual([null, null]);
    await eventually(() => stapled() !== null);
    const first = stapled();
    expect(requests).toBe(1);
    answer = refuse;
    await clock.advance({ hours: 13 });
    expect(stapled()).toEqual(first);
    await eventually(() => errors.length > 0);
    expect([requests, stapled()]).toEqual([2, first]);
    await clock.advance({ minutes: 11 });
    expect(stapled()).toEqual(first);
    await eventually(() => requests === 3);
    await clock.advance({ hours: 9 });
    expect(stapled()).toEqual(first);
    await clock.advance({ hours: 1 });
    expect(stapled()).toBeNull();
    expect(errors.map(errorCode)).toEqual(['ERR_HTTPS_NOT_STAPLED']);
  }, 30_000);
});
