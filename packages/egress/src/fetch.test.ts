import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { addressPolicy, egressFetch, type Hop, type Resolve } from './index.ts';
import { listening, loopback, serving, servingSecurely } from './serving.testing.ts';
import { createServer } from 'node:net';

const local: Resolve = async () => ['127.0.0.1'];
const code = (name: string) => expect.objectContaining({ code: `ERR_EGRESS_${name}` });
const text = (body: Uint8Array) => Buffer.from(body).toString();

describe('egressFetch', () => {
  it('sends the name as Host to the address that it looked up once', async () => {
    await using server = await serving((request, response) => {
      response
        .setHeader('x-seen', [String(request.headers.host), String(request.url)])
        .end('hello');
    });
    const asked: string[] = [];
    const hops: Hop[] = [];
    const fetch = egressFetch({
      policy: loopback,
      ports: [server.port],
      resolver: async (name) => {
        asked.push(name);
        return ['127.0.0.1'];
      },
    });
    const answer = await fetch(`http://a.example.:${server.port}/p?q=1`, {
      onHop: (hop) => hops.push(hop),
    });
    expect([
      answer.status,
      text(answer.body),
      answer.headers.get('X-Seen'),
      answer.headers.get('x-none'),
      asked,
    ]).toEqual([200, 'hello', `a.example.:${server.port}, /p?q=1`, null, ['a.example']]);
    expect(hops).toEqual([
      { url: `http://a.example.:${server.port}/p?q=1`, address: '127.0.0.1', port: server.port },
    ]);
  });
  it('connects to the address that was checked, whatever proxy the environment names', async () => {
    await using server = await serving((_, response) => {
      response.end('direct');
    });
    await using proxy = await serving((_, response) => {
      response.end('by the proxy');
    });
    const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'];
    const before = { ...process.env };
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
    process.env['NODE_USE_ENV_PROXY'] = '1';
    try {
      const fetch = egressFetch({ policy: loopback, ports: [server.port], resolver: local });
      const { body } = await fetch(`http://a.example:${server.port}/`);
      expect([text(body), proxy.connections]).toEqual(['direct', 0]);
    } finally {
      for (const name of [...names, 'NODE_USE_ENV_PROXY']) delete process.env[name];
      Object.assign(process.env, before);
    }
  });
  it('goes to the address that was checked, though the name means another a moment later', async () => {
    await using server = await serving((_, response) => {
      response.end('secret');
    });
    let asked = 0;
    const resolver: Resolve = async () => (asked++ === 0 ? ['127.0.0.2'] : ['127.0.0.1']);
    const fetch = egressFetch({
      policy: addressPolicy({ allow: ['127.0.0.2'] }),
      ports: [server.port],
      resolver,
    });
    await expect(fetch(`http://rebind.example:${server.port}/`)).rejects.toEqual(code('CONNECT'));
    await expect(fetch(`http://rebind.example:${server.port}/`)).rejects.toEqual(code('ADDRESS'));
    expect([asked, server.connections]).toEqual([2, 0]);
  });
  it('passes over the addresses of a name that are not permitted, and tries the next where nothing listens', async () => {
    await using server = await serving((_, response) => {
      response.end();
    });
    const hops: Hop[] = [];
    const fetch = egressFetch({
      policy: addressPolicy({ allow: ['127.0.0.1', '127.0.0.3'] }),
      ports: [server.port],
      resolver: async () => ['10.0.0.1', '127.0.0.3', '127.0.0.1'],
    });
    await fetch(`http://a.example:${server.port}/`, { onHop: (hop) => hops.push(hop) });
    expect(hops.map(({ address }) => address)).toEqual(['127.0.0.1']);
  });
  it('says which host has no address, and which look-up failed', async () => {
    await expect(
      egressFetch({ resolver: async () => [] })('http://a.example/'),
    ).rejects.toMatchObject({
      code: 'ERR_EGRESS_RESOLVE',
      message: expect.stringContaining('a.example: there is no such name'),
    });
    await expect(
      egressFetch({
        resolver: () => Promise.reject(Object.assign(new Error(), { code: 'ESERVFAIL' })),
      })('http://a.example/'),
    ).rejects.toMatchObject({
      code: 'ERR_EGRESS_RESOLVE',
      message: expect.stringContaining('ESERVFAIL'),
    });
  });
  it('uses no proxy of the environment', async () => {
    await using server = await serving((_, response) => {
      response.end('direct');
    });
    await using proxy = await serving((_, response) => {
      response.end('proxy');
    });
    const before = { ...process.env };
    Object.assign(process.env, {
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      http_proxy: `http://127.0.0.1:${proxy.port}`,
      ALL_PROXY: `http://127.0.0.1:${proxy.port}`,
      NODE_USE_ENV_PROXY: '1',
    });
    try {
      const answer = await egressFetch({ policy: loopback, resolver: local, ports: [server.port] })(
        `http://a.example:${server.port}/`,
      );
      expect([text(answer.body), proxy.connections]).toEqual(['direct', 0]);
    } finally {
      process.env = before;
    }
  });

  it('answers with a redirect where it may follow none, and a POST follows none ever', async () => {
    const seen: (string | undefined)[] = [];
    await using server = await serving((request, response) => {
      seen.push(request.method, request.url);
      let body = '';
      request
        .on('data', (part) => {
          body += part;
        })
        .on('end', () => response.writeHead(302, { location: '/next' }).end(body));
    });
    const settings = { policy: loopback, resolver: local, ports: [server.port] };
    expect((await egressFetch(settings)(`http://a.example:${server.port}/`)).status).toBe(302);
    const answer = await egressFetch({ ...settings, redirects: 5 })(
      `http://a.example:${server.port}/`,
      { method: 'POST', body: 'ü', headers: { 'content-type': 'text/plain' } },
    );
    expect([answer.status, text(answer.body), seen]).toEqual([302, 'ü', ['GET', '/', 'POST', '/']]);
  });
  it('follows redirects with a check of each, and leaves credentials behind at another origin', async () => {
    const seen: unknown[] = [];
    await using server = await serving((request, response) => {
      seen.push([
        request.headers.host?.split(':')[0],
        request.url,
        request.headers.authorization,
        request.headers['user-agent'],
      ]);
      const next: Record<string, string> = {
        '/1': '/2',
        '/2': `http://b.example:${server.port}/3`,
      };
      if (next[request.url!]) response.writeHead(307, { location: next[request.url!] }).end();
      else response.end('end');
    });
    const answer = await egressFetch({
      policy: loopback,
      resolver: local,
      ports: [server.port],
      redirects: 2,
    })(`http://a.example:${server.port}/1`, {
      headers: { authorization: 'secret', 'user-agent': 'test' },
    });
    expect([answer.url, text(answer.body)]).toEqual([`http://b.example:${server.port}/3`, 'end']);
    expect(seen).toEqual([
      ['a.example', '/1', 'secret', 'test'],
      ['a.example', '/2', 'secret', 'test'],
      ['b.example', '/3', undefined, 'test'],
    ]);
  });
  it.each([
    ['to a forbidden address', 'http://10.0.0.1:{port}/', 'ADDRESS'],
    ['to the metadata service', 'http://169.254.169.254:{port}/', 'ADDRESS'],
    ['to an IPv6 form of it', 'http://[::ffff:a9fe:a9fe]:{port}/', 'ADDRESS'],
    ['to another port', 'http://a.example:22/', 'URL'],
    ['to another scheme', 'file:///etc/passwd', 'URL'],
    ['to gopher', 'gopher://a.example/', 'URL'],
    ['with a user name', 'http://u@a.example:{port}/', 'URL'],
    ['to itself again and again', '/', 'REDIRECTS'],
    ['to nowhere', undefined, 'REDIRECTS'],
    ['to a malformed URL', 'http://[', 'URL'],
    ['past a tab', 'ht\ttp://a.example:{port}/', 'URL'],
  ])('follows no redirect %s', async (_, location, expected) => {
    await using server = await serving((_request, response) => {
      response
        .writeHead(
          301,
          location === undefined
            ? {}
            : { location: location.replace('{port}', String(server.port)) },
        )
        .end();
    });
    await expect(
      egressFetch({ policy: loopback, resolver: local, ports: [server.port], redirects: 3 })(
        `http://a.example:${server.port}/`,
      ),
    ).rejects.toEqual(code(expected));
  });

  it('verifies certificates by the name, trusts a further root, and ignores them only on request', async () => {
    await using server = await servingSecurely('a.example', (_, response) => {
      response.end('safe');
    });
    const settings = { policy: loopback, resolver: local, ports: [server.port] };
    const url = (name: string) => `https://${name}:${server.port}/`;
    await expect(egressFetch(settings)(url('a.example'))).rejects.toEqual(code('TLS'));
    await expect(
      egressFetch({ ...settings, ca: [server.cert] })(url('b.example')),
    ).rejects.toMatchObject({
      code: 'ERR_EGRESS_TLS',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
    expect(
      text((await egressFetch({ ...settings, ca: [server.cert] })(url('a.example'))).body),
    ).toBe('safe');
    expect(
      text((await egressFetch({ ...settings, certificates: 'ignore' })(url('c.example'))).body),
    ).toBe('safe');
    expect(
      text((await egressFetch({ ...settings, certificates: 'ignore' })(url('127.0.0.1'))).body),
    ).toBe('safe');
    expect(server.names).toContain('c.example');
  });

  it('reads as many bytes as it may and no more, with and without a length', async () => {
    await using server = await serving((request, response) => {
      if (request.url === '/long') {
        const more = () => {
          while (response.write('x'.repeat(1000)) && !response.destroyed);
        };
        response.on('drain', more);
        more();
      } else response.end('x'.repeat(10));
    });
    const fetch = egressFetch({
      policy: loopback,
      resolver: local,
      ports: [server.port],
      maxBody: 10,
    });
    expect((await fetch(`http://a.example:${server.port}/`)).body).toHaveLength(10);
    await expect(fetch(`http://a.example:${server.port}/long`)).rejects.toEqual(code('TOO_LARGE'));
    await expect(
      egressFetch({ policy: loopback, resolver: local, ports: [server.port], maxBody: 9 })(
        `http://a.example:${server.port}/`,
      ),
    ).rejects.toEqual(code('TOO_LARGE'));
  });
  it.each([
    ['never answers', ''],
    ['stops in its headers', 'HTTP/1.1 200 OK\r\nx'],
    ['stops in its body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
  ])('gives a server up that %s', async (_, said) => {
    const clock = virtualClock();
    let heard = () => {
      /* set below */
    };
    const connected = new Promise<void>((resolve) => {
      heard = resolve;
    });
    await using server = await listening(
      createServer((socket) => {
        socket.once('data', () => {
          socket.write(said);
          heard();
        });
      }),
    );
    const work = egressFetch({
      policy: loopback,
      resolver: local,
      ports: [server.port],
      clock,
      limit: 'PT30S',
    })(`http://a.example:${server.port}/`);
    const refused = expect(work).rejects.toEqual(code('TIME'));
    await connected;
    await clock.advance('PT30S');
    await refused;
    expect(clock.sleepers).toBe(0);
  });
  it('gives a look-up up that takes no signal', async () => {
    const clock = virtualClock();
    const work = egressFetch({
      resolver: () =>
        new Promise(() => {
          /* never */
        }),
      clock,
    })('http://a.example/');
    await Promise.all([expect(work).rejects.toEqual(code('TIME')), clock.advance('PT30S')]);
  });
  it('ends with the reason of the caller', async () => {
    const stop = new AbortController();
    await using server = await serving(() => stop.abort(new Error('enough')));
    await expect(
      egressFetch({ policy: loopback, resolver: local, ports: [server.port] })(
        `http://a.example:${server.port}/`,
        { signal: stop.signal },
      ),
    ).rejects.toThrow('enough');
  });
  it.each([
    ['nothing', ''],
    ['no HTTP', 'SSH-2.0-x\r\n'],
    ['half a body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
  ])('takes no answer of %s', async (_, said) => {
    await using server = await listening(
      createServer((socket) => {
        socket.once('data', () => socket.end(said));
      }),
    );
    await expect(
      egressFetch({ policy: loopback, resolver: local, ports: [server.port] })(
        `http://a.example:${server.port}/`,
      ),
    ).rejects.toEqual(code('ANSWER'));
  });
  it('sends no header with a line end in it, and names no path in an error', async () => {
    await using server = await serving((_, response) => {
      response.end();
    });
    const fetch = egressFetch({ policy: loopback, resolver: local, ports: [server.port] });
    await expect(
      fetch(`http://a.example:${server.port}/`, { headers: { 'x-a': 'b\r\nx-c: d' } }),
    ).rejects.toEqual(code('REQUEST'));
    await expect(egressFetch({ resolver: local })('http://a.example/hook/secret')).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });
});
