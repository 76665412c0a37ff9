import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { validateHttp01 } from './http-01.ts';
import { here, listening } from './local.testing.ts';

const [token, keyAuthorization, path] = [
  'token',
  'token.thumbprint',
  '/.well-known/acme-challenge/token',
];
const challenge = {
  identifier: { type: 'dns', value: 'a.test' },
  token,
  keyAuthorization,
  egress: here,
};
const serving = (listener: RequestListener, host?: string) =>
  listening(createServer(listener), host);
const answers = (body: string | Buffer, status = 200) =>
  serving((_, response) => {
    response.writeHead(status).end(body);
  });

describe('validateHttp01', () => {
  it('asks the host for the token by its name, and accepts the key authorization with white space behind it', async () => {
    const seen: unknown[] = [];
    await using server = await serving((request, response) => {
      seen.push(request.method, request.headers.host, request.url);
      response.end(`${keyAuthorization} \r\n\t`);
    });
    await expect(validateHttp01({ ...challenge, port: server.port })).resolves.toEqual({
      valid: true,
      records: [
        {
          type: 'connection',
          to: `http://a.test:${server.port}${path}`,
          address: '127.0.0.1',
          port: server.port,
        },
      ],
    });
    expect(seen).toEqual(['GET', `a.test:${server.port}`, path]);
  });
  it('proves IPv4 and IPv6 addresses without a look-up', async () => {
    const egress = { ...here, resolver: () => Promise.reject(new Error('nothing to look up')) };
    const hosts: unknown[] = [];
    for (const value of ['127.0.0.1', '::1']) {
      await using server = await serving((request, response) => {
        hosts.push(request.headers.host?.replace(/:\d+$/, ''));
        response.end(keyAuthorization);
      }, value);
      await expect(
        validateHttp01({
          ...challenge,
          identifier: { type: 'ip', value },
          port: server.port,
          egress,
        }),
      ).resolves.toMatchObject({ valid: true });
    }
    expect(hosts).toEqual(['127.0.0.1', '[::1]']);
  });
  it.each([
    ['another text', 'token.other', 200],
    ['white space before it', ` ${keyAuthorization}`, 200],
    ['more behind it', `${keyAuthorization}x`, 200],
    ['nothing', '', 200],
    ['an endless page', 'x'.repeat(100_000), 200],
    ['the right text, and 513 spaces', keyAuthorization + ' '.repeat(513), 200],
    ['a byte order mark', Buffer.from(`\ufeff${keyAuthorization}`), 200],
    ['the key authorization as an error', keyAuthorization, 404],
    ['the same as created', keyAuthorization, 201],
    ['a see-other', keyAuthorization, 303],
  ])('takes no answer of %s, and repeats nothing of it', async (_, body, status) => {
    await using server = await answers(body, status);
    const problem = await validateHttp01({ ...challenge, port: server.port });
    expect(problem).toMatchObject({
      valid: false,
      type: 'incorrectResponse',
      detail: expect.stringContaining('a.test'),
    });
    expect(JSON.stringify(problem)).not.toMatch(/other|xx|thumbprint/);
  });

  it('follows redirects to another path, another host, and https with whatever certificate', async () => {
    const key = await webcrypto().generate('ec-p256');
    const cert = await createSelfSigned({
      identifiers: [{ type: 'dns', value: 'wrong.test' }],
      key,
    });
    await using secure = await listening(
      createSecureServer({ cert, key: Buffer.from(await privateKeyPem(key)) }, (_, response) => {
        response.end(keyAuthorization);
      }),
    );
    await using server = await serving((request, response) => {
      response
        .writeHead(request.url === '/2' ? 308 : 301, {
          location: request.url === '/2' ? 'https://b.test/3?q=1' : '/2',
        })
        .end();
    });
    const result = await validateHttp01({ ...challenge, port: server.port, tlsPort: secure.port });
    expect(result).toMatchObject({
      valid: true,
      records: [
        { port: server.port },
        { to: `http://a.test:${server.port}/2` },
        { to: 'https://b.test/3?q=1', port: secure.port },
      ],
    });
  });
  it('follows ten redirects, and not eleven', async () => {
    let last = 10;
    await using server = await serving((request, response) => {
      const at = Number(new URL(request.url ?? '', 'http://x').searchParams.get('n'));
      if (at < last) response.writeHead(302, { location: `?n=${at + 1}` }).end();
      else response.end(keyAuthorization);
    });
    const ten = await validateHttp01({ ...challenge, port: server.port });
    expect([ten.valid, ten.records.length]).toEqual([true, 11]);
    last = 11;
    await expect(validateHttp01({ ...challenge, port: server.port })).resolves.toMatchObject({
      valid: false,
      type: 'connection',
      detail: expect.stringContaining('more than 10'),
    });
  });
  it.each([
    ['another port', 'http://b.test:22/'],
    ['another scheme', 'ftp://b.test/'],
    ['a file', 'file:///etc/passwd'],
    ['a user name', 'http://u:p@b.test/'],
    ['an address that may not be reached', 'http://169.254.169.254/latest/meta-data/'],
    ['the same in IPv6', 'http://[::ffff:10.0.0.1]/'],
    ['the same in octal', 'http://0251.0376.0251.0376/'],
    ['nowhere', undefined],
  ])('follows no redirect to %s', async (_, location) => {
    await using server = await serving((_request, response) => {
      response.writeHead(302, location === undefined ? {} : { location }).end();
    });
    const problem = await validateHttp01({ ...challenge, port: server.port });
    expect(problem).toMatchObject({
      valid: false,
      type: 'connection',
      records: [{ port: server.port }],
    });
    expect(problem).toHaveProperty(
      'detail',
      expect.not.stringMatching(/169\.254|10\.0|meta-data|passwd/),
    );
  });
  it('follows no redirect to a port besides the two, though the answer is there', async () => {
    await using otherServer = await answers(keyAuthorization);
    await using server = await serving((_, response) => {
      response.writeHead(302, { location: `http://a.test:${otherServer.port}/` }).end();
    });
    await expect(validateHttp01({ ...challenge, port: server.port })).resolves.toMatchObject({
      valid: false,
      type: 'connection',
      detail:
        'a.test: a redirect leads to a URL that is not permitted: use http or https on its own port',
    });
  });
  it.each([
    ['an address where nothing listens', '127.0.0.77', 'there was no connection'],
    ['a name that does not exist', 'intern.corp.test', 'the look-up of the addresses'],
  ])('does not name %s after a redirect (L10)', async (_, host, step) => {
    await using server = await serving((_request, response) => {
      response.writeHead(302, { location: `http://${host}:${server.port}/` }).end();
    });
    const egress = {
      ...here,
      resolver: async (name: string) => (name === 'a.test' ? ['127.0.0.1'] : []),
    };
    const problem = await validateHttp01({ ...challenge, port: server.port, egress });
    expect(problem).toMatchObject({
      valid: false,
      detail: expect.stringContaining(`a.test, after 1 redirects: ${step}`),
      cause: { message: expect.stringContaining(host) },
    });
    expect(problem).toHaveProperty('detail', expect.not.stringContaining(host));
  });
  it('names no private address that a name turned out to have, except to the operator', async () => {
    const problem = await validateHttp01({
      ...challenge,
      egress: { resolver: async () => ['10.1.2.3'] },
    });
    expect(problem).toMatchObject({
      valid: false,
      type: 'connection',
      detail: expect.not.stringContaining('10.1.2.3'),
      cause: { message: expect.stringContaining('10.1.2.3') },
    });
  });
  it('reports what failed: the look-up, the connection, TLS, the time', async () => {
    await using silent = await listening(
      createServer(() => {
        /* says nothing */
      }),
    );
    await using redirecting = await serving((_, response) => {
      response.writeHead(302, { location: 'https://a.test/' }).end();
    });
    const type = async (more: object) => {
      const result = await validateHttp01({ ...challenge, ...more });
      return result.valid ? 'valid' : result.type;
    };
    expect(await type({ egress: { ...here, resolver: async () => [] } })).toBe('dns');
    expect(
      await type({
        egress: {
          ...here,
          resolver: () => Promise.reject(Object.assign(new Error(), { code: 'ESERVFAIL' })),
        },
      }),
    ).toBe('dns');
    expect(await type({ port: await unused() })).toBe('connection');
    expect(await type({ port: redirecting.port, tlsPort: redirecting.port })).toBe('tls');
    const clock = virtualClock();
    const work = type({ port: silent.port, egress: { ...here, clock } });
    expect(await clock.run(work)).toBe('connection');
    expect(await type({ identifier: { type: 'email', value: 'a@a.test' } })).toBe('serverInternal');
  });
  it('ends with the reason of the caller, which is not a problem of the client', async () => {
    const stop = new AbortController();
    await using server = await serving(() => stop.abort(new Error('enough')));
    await expect(
      validateHttp01({ ...challenge, port: server.port, signal: stop.signal }),
    ).rejects.toThrow('enough');
  });
});

async function unused(): Promise<number> {
  await using server = await listening(createServer());
  return server.port;
}
