import { once } from 'node:events';
import { createConnection } from 'node:net';
import { virtualClock } from '@acmex/clock';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  anyAddress,
  probe,
  probeEachAddress,
  type ProbeOptions,
  type StartTlsProtocol,
} from './index.ts';
import {
  listening,
  type Pair,
  selfSigned,
  serving,
  servingStartTls,
  servingTls,
} from './serving.testing.ts';

let leaf: Pair;
let issuer: Pair;
let stray: Pair;
beforeAll(async () => {
  [leaf, issuer, stray] = await Promise.all([
    selfSigned('leaf.test'),
    selfSigned('issuer.test'),
    selfSigned('stray.test'),
  ]);
});
const local = { host: '127.0.0.1', policy: anyAddress };
const at = (port: number, options: Partial<ProbeOptions> = {}) =>
  probe({ ...local, port, ...options });
const failure = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it resolved');
    },
    (error: Error & { code?: string }) => error,
  );

describe('probe', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'returns the certificates over %s as the server sends them: its order, repeats and strays',
    async (version) => {
      const sent = [leaf, stray, issuer, stray, leaf];
      await using server = await servingTls({
        cert: sent.map(({ cert }) => cert).join(''),
        key: leaf.key,
        minVersion: version,
        maxVersion: version,
      });
      const served = await at(server.port, { serverName: 'leaf.test' });
      expect(served).toMatchObject({
        address: '127.0.0.1',
        port: server.port,
        serverName: 'leaf.test',
        protocol: version,
        ocspResponse: undefined,
        applicationProtocol: undefined,
      });
      expect(served.chain.map((der) => Buffer.from(der))).toEqual(sent.map(({ der }) => der));
    },
  );

  it.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'reads the certificates of TLS 1.3 with %s',
    async (cipher) => {
      await using server = await servingTls({
        cert: leaf.cert + stray.cert,
        key: leaf.key,
        ciphers: cipher,
      });
      const served = await at(server.port);
      expect(served.cipher).toBe(cipher);
      expect(served.chain.map((der) => Buffer.from(der))).toEqual([leaf.der, stray.der]);
    },
  );

  it('reads the certificates when the server asks for a different key share, and for a certificate', async () => {
    await using server = await servingTls({
      cert: leaf.cert,
      key: leaf.key,
      ecdhCurve: 'P-521',
      requestCert: true,
      rejectUnauthorized: false,
    });
    const { chain, protocol } = await at(server.port);
    expect(protocol).toBe('TLSv1.3');
    expect(chain.map((der) => Buffer.from(der))).toEqual([leaf.der]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'returns a stapled response over %s',
    async (version) => {
      const response = Buffer.from('an OCSP response');
      const options = { cert: leaf.cert, key: leaf.key, maxVersion: version };
      await using server = await servingTls(options, response);
      const { ocspResponse } = await at(server.port, { serverName: 'leaf.test' });
      expect(Buffer.from(ocspResponse!)).toEqual(response);
    },
  );

  it('sends the server name, and returns the selected application protocol', async () => {
    const names: string[] = [];
    await using server = await servingTls({
      cert: leaf.cert,
      key: leaf.key,
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback: (name, respond) => {
        names.push(name);
        respond(null);
      },
    });
    const served = await at(server.port, {
      serverName: 'www.leaf.test',
      applicationProtocols: ['http/1.1'],
    });
    expect(served.applicationProtocol).toBe('http/1.1');
    expect(names).toEqual(['www.leaf.test']);
    expect((await at(server.port)).serverName).toBeUndefined();
    expect(names).toHaveLength(1);
  });

  it('probes each address of a host by itself', async () => {
    const clock = virtualClock({ now: '2027-01-31T12:00:00Z' });
    await using server = await servingTls({ cert: leaf.cert, key: leaf.key });
    const outcomes = await probeEachAddress({
      host: 'leaf.test',
      port: server.port,
      policy: anyAddress,
      clock,
      resolver: async () => ['127.0.0.1', '127.0.0.2'],
    });
    expect(outcomes).toMatchObject([
      { address: '127.0.0.1', served: { serverName: 'leaf.test', address: '127.0.0.1' } },
      { address: '127.0.0.2', error: { code: 'ERR_PROBE_REFUSED' } },
    ]);
    expect(String((outcomes[0] as { served: { at: unknown } }).served.at)).toBe(
      '2027-01-31T12:00:00Z',
    );
  });

  it('connects only to addresses of the wanted family', async () => {
    await using server = await servingTls({ cert: leaf.cert, key: leaf.key });
    const target = {
      host: 'leaf.test',
      port: server.port,
      policy: anyAddress,
      resolver: async () => ['::1', '127.0.0.1'],
    };
    expect((await probe({ ...target, family: 4 })).address).toBe('127.0.0.1');
    expect((await failure(probe({ ...target, family: 6 }))).code).toBe('ERR_PROBE_REFUSED');
    expect((await failure(at(server.port, { family: 6 }))).code).toBe('ERR_PROBE_RESOLVE');
    const onlyOlder = { ...target, resolver: async () => ['127.0.0.1'], family: 6 } as const;
    expect((await failure(probe(onlyOlder))).code).toBe('ERR_PROBE_RESOLVE');
    expect((await failure(probeEachAddress(onlyOlder))).message).toContain('no IPv6 address');
  });
});

describe('probe, with a server that does not serve TLS', () => {
  it('names an address that refuses, one that is not permitted, and a name without address', async () => {
    const port = await freedPort();
    expect(await failure(at(port))).toMatchObject({
      code: 'ERR_PROBE_REFUSED',
      message: expect.stringContaining(`127.0.0.1 port ${port} refuses the connection`),
    });
    expect((await failure(probe({ host: '127.0.0.1', port }))).code).toBe('ERR_PROBE_ADDRESS');
    for (const resolver of [
      async () => [],
      async () => {
        throw Object.assign(new Error('no server'), { code: 'EAI_AGAIN' });
      },
    ])
      expect((await failure(at(port, { host: 'no.test', resolver }))).code).toBe(
        'ERR_PROBE_RESOLVE',
      );
  });

  it.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'use its TLS port'],
    ['a mail server', '220 mx.test ESMTP\r\n', 'use STARTTLS for smtp'],
    ['an IMAP server', '* OK ready\r\n', 'use STARTTLS for imap'],
    ['a POP3 server', '+OK ready\r\n', 'use STARTTLS for pop3'],
    ['a MySQL server', '\x4a\0\0\0\n8.0.36\0', 'use STARTTLS for mysql'],
  ])('names what %s says, and the cure', async (_, text, cure) => {
    await using server = await serving((socket) => socket.write(text, 'latin1'));
    expect(await failure(at(server.port))).toMatchObject({
      code: 'ERR_PROBE_TLS',
      message: expect.stringContaining(cure),
    });
  });

  it('escapes the text of the server', async () => {
    await using server = await serving((socket) => socket.end('\x1b[31mred\x07\r\n'));
    const { message } = await failure(at(server.port));
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message).toContain('red');
  });

  it.each([undefined, 'smtp', 'postgresql', 'ldap', 'mysql'] as const)(
    'does not wait for a silent server beyond its limit: STARTTLS %s',
    async (protocol) => {
      const clock = virtualClock();
      await using server = await serving(() => undefined);
      const error = await clock.run(failure(at(server.port, { startTls: protocol, clock })));
      expect(error.code).toBe('ERR_PROBE_TIME');
      expect(error.message).toContain(`127.0.0.1 port ${server.port}`);
    },
  );

  it.each([undefined, 'smtp', 'mysql'] as const)(
    'reports a server that closes at once: STARTTLS %s',
    async (protocol) => {
      await using server = await serving((socket) => socket.destroy());
      const error = await failure(at(server.port, { startTls: protocol }));
      expect(error.code).toBe('ERR_PROBE_CLOSED');
    },
  );

  it.each([undefined, 'smtp', 'imap', 'pop3', 'ldap', 'postgresql', 'mysql'] as const)(
    'ends with an error for garbage without end: STARTTLS %s',
    async (protocol) => {
      await using server = await serving((socket) => {
        const write = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 0x61))) continue;
        };
        socket.on('drain', write);
        write();
      });
      const error = await failure(at(server.port, { startTls: protocol }));
      expect(['ERR_PROBE_TLS', 'ERR_PROBE_STARTTLS', 'ERR_PROBE_TOO_LARGE']).toContain(error.code);
      expect(error.message.length).toBeLessThan(1500);
    },
  );

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'refuses a chain of 10 MB over %s after at most 512 KiB',
    async (version) => {
      const { cert, der } = await selfSigned('large.test', 740_000);
      const chain = leaf.cert + cert.repeat(Math.ceil(10_000_000 / der.length));
      await using server = await servingTls({ cert: chain, key: leaf.key, maxVersion: version });
      expect((await failure(at(server.port))).code).toBe('ERR_PROBE_TOO_LARGE');
    },
  );

  it('says why a handshake fails: a version, a name without certificate', async () => {
    const older = { cert: leaf.cert, key: leaf.key, minVersion: 'TLSv1' } as const;
    await using server = await servingTls({
      ...older,
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    expect(await failure(at(server.port))).toMatchObject({
      code: 'ERR_PROBE_HANDSHAKE',
      message: expect.stringMatching(/version/),
    });
    await using picky = await servingTls({
      cert: leaf.cert,
      key: leaf.key,
      SNICallback: (_, respond) => respond(new Error('unknown name')),
    });
    const error = await failure(at(picky.port, { serverName: 'x.test' }));
    expect(['ERR_PROBE_HANDSHAKE', 'ERR_PROBE_CLOSED']).toContain(error.code);
  });

  it('ends when the caller ends it, with the reason of the caller', async () => {
    const controller = new AbortController();
    await using server = await serving(() => controller.abort(new Error('enough')));
    const error = await failure(at(server.port, { signal: controller.signal }));
    expect(error.message).toBe('enough');
  });
});

const ldapRequest = Buffer.concat([
  Buffer.of(0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
]);
const ldapResult = (code: number, diagnosis = '') =>
  Buffer.concat([
    Buffer.of(0x30, 0x0c + diagnosis.length, 0x02, 0x01, 0x01, 0x78, 0x07 + diagnosis.length),
    Buffer.of(0x0a, 0x01, code, 0x04, 0x00, 0x04, diagnosis.length),
    Buffer.from(diagnosis),
  ]);
/** A greeting of MySQL 8 with these capabilities. */
const mysqlGreeting = (capabilities: number) => {
  const body = Buffer.concat([
    Buffer.from('\n8.0.36\0', 'latin1'),
    Buffer.alloc(13, 7),
    Buffer.of(capabilities & 0xff, capabilities >> 8, 45, 2, 0, 0xff, 0xdf, 21),
    Buffer.alloc(23),
  ]);
  return Buffer.concat([Buffer.of(body.length, 0, 0, 0), body]);
};
const postgresqlRequest = Buffer.of(0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f);

type Script = readonly [
  StartTlsProtocol,
  string | Buffer,
  readonly (readonly [string | Buffer, string | Buffer])[],
];
const ehlo = 'EHLO probe.invalid\r\n';

describe('probe with STARTTLS', () => {
  it.each<Script>([
    [
      'smtp',
      '220-mx.test\r\n220 ready\r\n',
      [
        [ehlo, '250-mx.test\r\n250-STARTTLS\r\n250 HELP\r\n'],
        ['STARTTLS\r\n', '220 go\r\n'],
      ],
    ],
    ['imap', '* OK ready\r\n', [['a1 STARTTLS\r\n', '* NO a notice\r\na1 OK begin\r\n']]],
  ])('reads past lines of %s before the answer', async (protocol, greeting, steps) => {
    await using server = await servingStartTls(leaf, greeting, steps);
    const { chain } = await at(server.port, { startTls: protocol });
    expect(chain.map((der) => Buffer.from(der))).toEqual([leaf.der]);
  });

  it.each<Script>([
    ['smtp', '554 no service\r\n', []],
    ['smtp', '220 mx\r\n', [[ehlo, '250-mx\r\n250 HELP\r\n']]],
    [
      'smtp',
      '220 mx\r\n',
      [
        [ehlo, '250 STARTTLS\r\n'],
        ['STARTTLS\r\n', '454 later\r\n'],
      ],
    ],
    ['imap', '* BYE\r\n', []],
    ['imap', '* OK\r\n', [['a1 STARTTLS\r\n', 'a1 BAD unknown\r\n']]],
    ['pop3', '-ERR\r\n', []],
    ['pop3', '+OK\r\n', [['STLS\r\n', '-ERR unknown\r\n']]],
    ['ldap', '', [[ldapRequest, ldapResult(2, 'TLS is not configured')]]],
    ['postgresql', '', [[postgresqlRequest, 'N']]],
    ['mysql', mysqlGreeting(0x8200), []],
    ['mysql', Buffer.from('\x17\0\0\0\xffj\x04Too many connections', 'latin1'), []],
  ])('reports that %s is refused: %j', async (protocol, greeting, steps) => {
    const last = ['', ''] as const;
    await using server = await servingStartTls(leaf, greeting, [...steps, last]);
    expect(await failure(at(server.port, { startTls: protocol }))).toMatchObject({
      code: 'ERR_PROBE_STARTTLS',
      message: expect.stringContaining(`does not start TLS by ${protocol}`),
    });
  });

  it('refuses text that someone put between the answer and TLS', async () => {
    await using server = await servingStartTls(leaf, '+OK\r\n', [['STLS\r\n', '+OK\r\n+OK 2\r\n']]);
    expect((await failure(at(server.port, { startTls: 'pop3' }))).message).toContain('more text');
  });
});

/** Returns a port on which nothing listens. */
async function freedPort(): Promise<number> {
  const server = await listening((await import('node:net')).createServer());
  await server[Symbol.asyncDispose]();
  const socket = createConnection({ host: '127.0.0.1', port: server.port });
  await once(socket, 'error');
  return server.port;
}
