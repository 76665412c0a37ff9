import { readProxy } from '@acmex/protocol/node';
import * as z from 'zod';
import { list, path, switched, text } from '../keys.ts';
import { Secret } from '../secret.ts';

/** The value of `network.proxy` that turns the variables of the environment off. */
export const noProxyAtAll = 'none';

/** `[network]`: how other machines are reached. */
export function networkTable() {
  return z.strictObject({
    proxy: proxyUrl(
      'HTTP proxy for every outgoing HTTP and HTTPS request: http://HOST:PORT or https://HOST:PORT; user and password in it stay hidden. By default the variables HTTPS_PROXY and HTTP_PROXY decide; none means no proxy.',
    ).optional(),
    no_proxy: list(
      text(
        'example.com (and all below it), HOST:PORT, an address, a range such as 10.0.0.0/8, or *.',
      ),
      'Hosts that are reached without the proxy. By default the variable NO_PROXY decides.',
    ).optional(),
    ca_certificates: list(
      path('PEM file.'),
      'Files with root certificates that are trusted for every outgoing connection, in addition to those of Node.js; for a proxy that inspects TLS.',
    ).default([]),
    use_system_ca: switched(
      'Also trust the root certificates of the operating system: those of SSL_CERT_FILE, or of the system.',
    ).default(false),
  });
}

/** The URL of a proxy. With a password in it, it is a secret whose text masks user and password. */
function proxyUrl(meaning: string) {
  return z
    .string({ error: 'write http://HOST:PORT or https://HOST:PORT' })
    .check((context) => {
      if (context.value === noProxyAtAll) return;
      const result = readProxy(context.value);
      if ('problem' in result)
        context.issues.push({
          code: 'custom',
          message: result.problem,
          // Anything can be in a URL that cannot be read.
          input: '',
          params: { problem: result.problem, cure: result.cure },
        });
    })
    .transform((url) => (url === noProxyAtAll ? url : maskedProxy(url)))
    .meta({ description: meaning });
}

/** Returns the URL of a proxy; as a secret if there are credentials in it. */
export function maskedProxy(url: string): string | Secret {
  const result = readProxy(url);
  if (!('proxy' in result) || result.proxy.authorization === undefined) return url;
  return new Secret(async () => url, { mask: result.proxy.text.replace('://', '://…@') });
}
