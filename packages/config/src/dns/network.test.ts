import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { network } from '@acmex/protocol/node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret } from '../secret.ts';
import { dnsKinds } from './kinds.ts';
import { openDnsProvider } from './open.ts';
import type { DnsOptionValue } from './provider.ts';

const secret = new Secret(async () => Buffer.from('not a real credential').toString('base64'));
/** Where each provider sends its first request, and the options that it needs. */
const hosts: Readonly<Record<string, readonly [string, Record<string, DnsOptionValue>]>> = {
  acmedns: [
    'api.example:443',
    {
      url: 'https://api.example',
      accounts: [
        {
          fulldomain: '_acme-challenge.example.org',
          subdomain: 'a',
          username: 'me',
          password: secret,
        },
      ],
    },
  ],
  alibaba: ['alidns.aliyuncs.com:443', { access_key_id: 'key', access_key_secret: secret }],
  azure: [
    'login.microsoftonline.com:443',
    {
      tenant_id: 'tenant',
      client_id: 'client',
      client_secret: secret,
      subscription_id: 'subscription',
      resource_group: 'group',
    },
  ],
  cloudflare: ['api.cloudflare.com:443', { api_token: secret }],
  cloudns: ['api.cloudns.net:443', { auth_id: '7', password: secret }],
  digitalocean: ['api.digitalocean.com:443', { api_token: secret }],
  godaddy: ['api.godaddy.com:443', { api_key: secret, api_secret: secret }],
  google: ['dns.googleapis.com:443', { access_token: secret, project: 'project' }],
  httpreq: ['api.example:443', { endpoint: 'https://api.example' }],
  huawei: [
    'dns.cn-north-4.myhuaweicloud.com:443',
    { access_key_id: 'key', secret_access_key: secret, region: 'cn-north-4' },
  ],
  linode: ['api.linode.com:443', { api_token: secret }],
  powerdns: ['api.example:443', { url: 'https://api.example', api_key: secret }],
  route53: ['route53.amazonaws.com:443', { access_key_id: 'key', secret_access_key: secret }],
  tencent: ['dnspod.tencentcloudapi.com:443', { secret_id: 'id', secret_key: secret }],
};
/** Programs, people and DNS itself. */
const withoutHttp = ['acme.sh', 'certbot', 'exec', 'manual', 'rfc2136'];

describe('the API of each DNS host', () => {
  let proxy: Server;
  let onConnect: (host: string) => void;

  beforeAll(async () => {
    proxy = createServer().on('connect', ({ url = '' }, socket) => {
      socket.on('error', () => undefined).end('HTTP/1.1 403 Forbidden\r\n\r\n');
      onConnect(url);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await once(proxy, 'close');
  });

  it('is known here, of every kind', () => {
    expect([...Object.keys(hosts), ...withoutHttp].sort()).toEqual(
      dnsKinds.map(({ type }) => type).sort(),
    );
  });
  it.each(Object.entries(hosts))(
    'is reached through the proxy by %s',
    async (type, [host, options]) => {
      const { port } = proxy.address() as AddressInfo;
      const through = network({ httpsProxy: `http://127.0.0.1:${port}` });
      const provider = await openDnsProvider(
        { name: type, type, ...options },
        { environment: { PATH: '/bin' }, network: through },
      );
      const stop = new AbortController();
      const connected: string[] = [];
      onConnect = (target) => {
        connected.push(target);
        stop.abort(new Error('seen'));
      };
      const records = [{ name: '_acme-challenge', value: 'x'.repeat(43) }];
      await expect(
        provider.append('example.org', records, { signal: stop.signal }),
      ).rejects.toThrow();
      expect(connected).toEqual([host]);
    },
  );
});
