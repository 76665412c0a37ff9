import { describe, expect, it } from '@jest/globals';
import { network, noProxyEntries, proxySelector, readProxy } from './index.ts';

const proxy = 'http://proxy.example:3128';
const isDirect = (noProxy: string, url: string) =>
  proxySelector({ httpsProxy: proxy, httpProxy: proxy, noProxy: noProxyEntries(noProxy) })(
    new URL(url),
  ) === undefined;

describe('proxySelector', () => {
  it.each([
    ['example.com', 'https://example.com/'],
    ['example.com', 'https://www.example.com/'],
    ['.example.com', 'https://example.com/'],
    ['.example.com', 'https://a.b.example.com/'],
    ['*.example.com', 'https://www.example.com/'],
    ['EXAMPLE.com', 'https://example.COM./'],
    ['example.com.', 'https://example.com/'],
    ['bücher.example', 'https://xn--bcher-kva.example/'],
    ['a.example,b.example', 'https://b.example/'],
    ['a.example, b.example', 'https://b.example/'],
    ['a.example b.example', 'https://b.example/'],
    [',,b.example,', 'https://b.example/'],
    ['*', 'https://anything.example/'],
    ['a.example,*', 'http://192.0.2.1/'],
    ['example.com:8443', 'https://example.com:8443/'],
    ['example.com:443', 'https://example.com/'],
    ['example.com:80', 'http://example.com/'],
    ['192.0.2.1', 'https://192.0.2.1:14000/'],
    ['192.0.2.1:14000', 'https://192.0.2.1:14000/'],
    ['192.0.2.0/24', 'https://192.0.2.200/'],
    ['::1', 'https://[::1]/'],
    ['[::1]', 'https://[::1]:8443/'],
    ['[::1]:8443', 'https://[::1]:8443/'],
    ['0:0:0:0:0:0:0:1', 'https://[::1]/'],
    ['2001:db8::/32', 'https://[2001:db8::7]/'],
    ['localhost', 'http://localhost:8080/'],
    ['', 'http://169.254.169.254/latest/meta-data/'],
    ['', 'http://100.100.100.200/latest/meta-data/'],
    ['', 'http://[fd00:ec2::254]/'],
    ['', 'http://metadata.google.internal/'],
  ])('with NO_PROXY=%j reaches %s directly', (noProxy, url) => {
    expect(isDirect(noProxy, url)).toBe(true);
  });
  it.each([
    ['', 'https://example.com/'],
    ['', 'http://127.0.0.1:8080/'],
    ['', 'http://localhost/'],
    ['example.com', 'https://notexample.com/'],
    ['example.com', 'https://example.com.evil.example/'],
    ['www.example.com', 'https://example.com/'],
    ['example.com:8443', 'https://example.com/'],
    ['example.com:443', 'http://example.com/'],
    ['192.0.2.1', 'https://192.0.2.10/'],
    ['2.1', 'https://192.0.2.1/'],
    ['192.0.2.0/24', 'https://192.0.3.1/'],
    ['192.0.2.0/24', 'https://example.com/'],
    ['192.0.2.0/99', 'https://192.0.2.1/'],
    ['::1', 'https://[::2]/'],
    ['exa mple.com', 'https://example.com/'],
    ['https://example.com', 'https://example.com/'],
    ['.', 'https://example.com/'],
    ['127.0.0.1', 'https://localhost/'],
  ])('with NO_PROXY=%j reaches %s through the proxy', (noProxy, url) => {
    expect(isDirect(noProxy, url)).toBe(false);
  });
  it('has a proxy of its own for each scheme', () => {
    const select = proxySelector({ httpsProxy: proxy });
    expect(select(new URL('https://a.example/'))?.text).toBe(proxy);
    expect(select(new URL('http://a.example/'))).toBeUndefined();
  });
});

describe('readProxy', () => {
  it.each([
    ['http://proxy.example:3128', { host: 'proxy.example', port: 3128, isSecure: false }],
    ['proxy.example:3128', { host: 'proxy.example', port: 3128, isSecure: false }],
    ['proxy.example', { host: 'proxy.example', port: 80, isSecure: false }],
    ['https://proxy.example/', { host: 'proxy.example', port: 443, isSecure: true }],
    ['HTTP://[2001:db8::1]:8080', { host: '2001:db8::1', port: 8080, isSecure: false }],
    [
      'http://user%40corp:p%3Ass@proxy.example:3128',
      {
        text: 'http://proxy.example:3128',
        authorization: `Basic ${Buffer.from('user@corp:p:ss').toString('base64')}`,
      },
    ],
  ])('reads %s', (text, expected) => {
    expect(readProxy(text)).toMatchObject({ proxy: expected });
  });
  it.each([
    ['', 'is not a valid URL'],
    ['http://', 'is not a valid URL'],
    ['http://proxy.example:99999', 'is not a valid URL'],
    ['socks5://127.0.0.1:1080', 'SOCKS'],
    ['socks5h://user:hidden@127.0.0.1:1080', 'SOCKS'],
    ['socks://127.0.0.1', 'SOCKS'],
    ['ftp://proxy.example', 'scheme'],
    ['file:///etc/passwd', 'is not a valid URL'],
    ['http://proxy.example/path', 'path'],
    ['http://user:hidden%zz@proxy.example', 'user or password'],
    ['http://us%3Aer:hidden@proxy.example', 'user or password'],
  ])('refuses %j, and does not repeat it', (text, problem) => {
    expect(readProxy(text)).toEqual({
      problem: expect.stringContaining(problem),
      cure: expect.not.stringContaining('hidden'),
    });
    expect(() => network({ httpsProxy: text })).toThrow(
      expect.objectContaining({
        code: 'ERR_ACME_PROXY',
        message: expect.not.stringContaining('hidden'),
      }),
    );
  });
});
