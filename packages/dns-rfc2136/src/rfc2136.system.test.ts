import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type Clock, systemClock, virtualClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { dnsProviderContract, type StandInSubject } from '@acmex/dns/contract';
import { describeWith, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import dnsPacket from 'dns-packet';
import { rfc2136, type TsigAlgorithm } from './index.ts';
import { type SignedBind, startSignedBind } from './named.testing.ts';
import { updateMessage } from './wire.ts';

const secretOf = (size: number) => Buffer.alloc(size, 'acmex').toString('base64');
const keys = [
  { name: 'acme-key', algorithm: 'hmac-sha256', secret: secretOf(32), policy: 'zonesub TXT' },
  { name: 'sha384.Example', algorithm: 'hmac-sha384', secret: secretOf(48), policy: 'zonesub TXT' },
  { name: 'sha512', algorithm: 'hmac-sha512', secret: secretOf(64), policy: 'zonesub TXT' },
  {
    name: 'elsewhere',
    algorithm: 'hmac-sha256',
    secret: secretOf(32),
    policy: 'name www.a.test. TXT',
  },
  { name: 'sha1', algorithm: 'hmac-sha1', secret: secretOf(20), policy: 'zonesub TXT' },
  { name: 'sha224', algorithm: 'hmac-sha224', secret: secretOf(28), policy: 'zonesub TXT' },
] as const;
const [key] = keys;
const record = { name: '_acme-challenge', value: 'one' };

it.each([
  ['key "x" { algorithm hmac-md5; secret "c2VjcmV0"; };', 'has the algorithm "hmac-md5"'],
  ['key "x" { secret "c2VjcmV0"; };', 'is not a key file'],
  ['c2VjcmV0', 'is not a key file'],
  [undefined, 'cannot be read'],
])('refuses a key file with %s', async (text, words) => {
  const folder = await mkdtemp(join(tmpdir(), 'acmex-key-'));
  try {
    const file = join(folder, 'key');
    if (text !== undefined) await writeFile(file, text);
    const error: unknown = await rfc2136({ server: '127.0.0.1:1', key: { file } })
      .append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    expect(inspect(error)).not.toContain('c2VjcmV0');
  } finally {
    await removeFolder(folder);
  }
});

describeWith(['named'], 'rfc2136 with BIND', () => {
  let bind: SignedBind;
  beforeAll(async () => {
    bind = await startSignedBind({ keys });
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
  });
  it.each([
    [
      'tsig-keygen',
      'sha1.key',
      `key "sha1" {\n\talgorithm hmac-sha1;\n\tsecret "${secretOf(20)}";\n};\n`,
    ],
    [
      'rndc-confgen, with comments',
      'acme.conf',
      `# one key\n/* key "x" { } */ key acme-key { algorithm HMAC-SHA256.; // now\n secret ${key.secret}; };`,
    ],
    [
      'dnssec-keygen',
      'Ksha224.+162+12345.private',
      `Private-key-format: v1.3\nAlgorithm: 162 (HMAC_SHA224)\nKey: ${secretOf(28)}\nBits: AAA=\n`,
    ],
  ])('signs with a key file of %s', async (_, name, text) => {
    const folder = await mkdtemp(join(tmpdir(), 'acmex-key-'));
    try {
      const file = join(folder, name);
      await writeFile(file, text, { mode: 0o600 });
      const provider = rfc2136({ server: bind.address, key: { file } });
      await provider.append('a.test', [{ name: '_acme-challenge.file', value: name }]);
      await expect(readTxt('_acme-challenge.file.a.test')).resolves.toEqual([name]);
      await provider.remove('a.test', [{ name: '_acme-challenge.file', value: name }]);
    } finally {
      await removeFolder(folder);
    }
  });
  const readTxt = (name: string) =>
    lookUp({ clock: systemClock, servers: [bind.address] }).txt(name);

  const clauses = dnsProviderContract.filter(
    ({ live, title }) =>
      live || /ERR_DNS_ZONE_NOT_FOUND|ERR_DNS_CREDENTIALS|any characters|among many/.test(title),
  );
  it.each(clauses.map((clause) => [clause.title, clause] as const))('%s', async (_, { check }) => {
    let wrong = false;
    const provider = rfc2136({
      server: bind.address,
      key: { ...key, secret: async () => (wrong ? secretOf(31) : key.secret) },
    });
    // Sleeps on no clock but the real one.
    const clock = {
      ...virtualClock(),
      now: systemClock.now,
      run: <T>(work: Promise<T>) => work,
    } satisfies StandInSubject['clock'];
    await check({
      provider,
      zone: 'a.test',
      lookUp: readTxt,
      clock,
      trouble: (kind) => {
        wrong = kind === 'credentials';
      },
      secrets: [key.secret],
    });
  });
  it.each(keys.slice(1, 3).map((key) => [key.algorithm, key] as const))(
    'signs by %s',
    async (_, key) => {
      const provider = rfc2136({ server: bind.address, key: key });
      await provider.append('a.test', [record, { name: '@', value: 'x'.repeat(600), ttl: 5 }]);
      expect(await readTxt('_acme-challenge.a.test')).toEqual(['one']);
      expect(await readTxt('a.test')).toEqual(['x'.repeat(600)]);
      await provider.remove('a.test', [record, { name: '@', value: 'x'.repeat(600) }]);
      expect([await readTxt('_acme-challenge.a.test'), await readTxt('a.test')]).toEqual([[], []]);
    },
  );
  it('has the server verify a key without a change', async () => {
    const provider = rfc2136({ server: bind.address, key });
    await expect(provider.tryCredentials?.('a.test')).resolves.toBeUndefined();
    await expect(provider.tryCredentials?.('b.test')).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
    });
    const wrong = rfc2136({ server: bind.address, key: { ...key, secret: secretOf(31) } });
    await expect(wrong.tryCredentials?.('a.test')).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('BADSIG'),
    });
  });
  it.each([
    ['an unknown key', { ...key, name: 'no one' }, 'BADKEY'],
    ['another algorithm', { ...key, algorithm: 'hmac-sha512' as TsigAlgorithm }, 'BADKEY'],
    ['a key that may write elsewhere only', keys[3], 'REFUSED'],
    ['a secret that is not base64', { ...key, secret: 'very secret!' }, 'not base64'],
  ])('says what is wrong with %s', async (_, wrong, words) => {
    const error = await rfc2136({ server: bind.address, key: wrong })
      .append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    expect(inspect(error)).not.toContain(wrong.secret);
    expect(await readTxt('_acme-challenge.a.test')).toEqual([]);
  });
  it('says that no key is given, and that the clock is wrong', async () => {
    await expect(
      rfc2136({ server: bind.address }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('without a key'),
    });
    const late: Clock = { ...systemClock, now: () => systemClock.now().subtract({ hours: 1 }) };
    await expect(
      rfc2136({ server: bind.address, key, clock: late }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('clock'),
    });
  });
});

describe('rfc2136 with a server in trouble', () => {
  let server: Server;
  let address: string;
  let asked = 0;
  let answer: (request: Buffer) => Buffer | undefined;
  beforeAll(async () => {
    server = createServer((socket) =>
      socket
        .on('error', () => {
          /* the client has gone */
        })
        .once('data', (bytes: Buffer) => {
          asked += 1;
          const reply = answer(bytes.subarray(2));
          if (reply)
            socket.end(
              Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]),
            );
        }),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
  });

  const reply = (flags: number) => (request: Buffer) =>
    Buffer.concat([
      request.subarray(0, 2),
      Buffer.from([flags >> 8, flags & 255]),
      Buffer.alloc(8),
    ]);
  it.each<[string, typeof answer, string, number]>([
    ['fails', reply(0xa802), 'SERVFAIL', 3],
    ['knows no updates', reply(0xa804), 'NOTIMP', 3],
    ['says nothing', () => undefined, 'no answer within', 3],
    ['sends nonsense', () => Buffer.from('HTTP/1.1 400 Bad Request'), 'no answer', 3],
    ['closes', () => Buffer.alloc(0), 'no answer', 3],
    [
      'answers another question',
      (request) => {
        const bytes = reply(0xa800)(request);
        bytes[0]! ^= 1;
        return bytes;
      },
      'another question',
      3,
    ],
    ['answers without a signature', reply(0xa800), 'not signed', 3],
  ])('says ERR_DNS_API for one that %s', async (_, next, words, attempts) => {
    answer = next;
    asked = 0;
    const clock = virtualClock({ now: '2026-03-01T00:00:00Z' });
    await expect(
      clock.run(rfc2136({ server: address, key, clock }).append('a.test', [record])),
    ).rejects.toMatchObject({ code: 'ERR_DNS_API', message: expect.stringContaining(words) });
    expect(asked).toBe(attempts);
  });
  it('comes through a trouble that passes', async () => {
    let count = 0;
    answer = (request) => reply(count++ === 0 ? 0xa802 : 0xa800)(request);
    const clock = virtualClock();
    await clock.run(rfc2136({ server: address, clock }).append('a.test', [record]));
    expect(count).toBe(2);
  });
  it('ends with the signal, at once', async () => {
    answer = () => undefined;
    const stop = new AbortController();
    const call = rfc2136({ server: address }).append('a.test', [record], { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(call).rejects.toThrow('enough');
  });
  it('says that nothing listens', async () => {
    const clock = virtualClock();
    await expect(
      clock.run(rfc2136({ server: '127.0.0.1:1', clock }).append('a.test', [record])),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('updateMessage', () => {
  it('is what others read as an UPDATE', () => {
    const message = dnsPacket.decode(
      updateMessage(7, 'a.test', [
        { action: 'add', name: 'X.a.test', value: 'y'.repeat(256), ttl: 60 },
        { action: 'delete', name: 'a.test', value: 'z', ttl: 60 },
      ]),
    );
    expect(message).toMatchObject({
      id: 7,
      opcode: 'UPDATE',
      questions: [{ name: 'a.test', type: 'SOA', class: 'IN' }],
      authorities: [
        { name: 'x.a.test', type: 'TXT', class: 'IN', ttl: 60 },
        { name: 'a.test', type: 'TXT', class: 'UNKNOWN_254', ttl: 0 },
      ],
    });
    expect(
      (message.authorities as unknown as { data: Buffer[] }[]).map(({ data }) => data.map(String)),
    ).toEqual([['y'.repeat(255), 'y'], ['z']]);
  });
  it('makes none for a name that DNS cannot hold', () => {
    for (const name of ['a..test', '', `${'x'.repeat(64)}.test`])
      expect(() => updateMessage(1, name, [])).toThrow(RangeError);
  });
});

describe('rfc2136', () => {
  it.each(['ns1.a.test', 'ns1.a.test:5353', '192.0.2.1', '[2001:db8::1]:53', '2001:db8::1'])(
    'takes the server %s',
    (server) => {
      expect(rfc2136({ server }).name).toBe('rfc2136');
    },
  );
  it.each(['', 'a b', 'a:b', 'a:99999', 'https://a.test'])('refuses the server %j', (server) => {
    expect(() => rfc2136({ server })).toThrow(RangeError);
  });
});
