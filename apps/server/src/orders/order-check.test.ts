import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type DnsAnswer, type DnsServer, startDnsServer } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { OrderFindings } from './order-findings.ts';

const [innerAddress, innerNameServer] = ['127.0.0.97', '127.0.0.98'];
const zoneOf = (name: string, server: string): Record<string, DnsAnswer> => ({
  [`SOA ${name}`]: [
    {
      ...{ type: 'SOA', name },
      data: {
        ...{ mname: server, rname: `admin.${name}`, serial: 1 },
        ...{ refresh: 1, retry: 1, expire: 1, minimum: 1 },
      },
    },
  ],
  [`NS ${name}`]: [{ type: 'NS', name, data: server }],
});
const zone: Record<string, DnsAnswer> = {
  ...zoneOf('a.test', 'ns.inner.test'),
  'A ns.inner.test': [{ type: 'A', name: 'ns.inner.test', data: innerNameServer }],
  'A inner.test': [{ type: 'A', name: 'inner.test', data: innerAddress }],
  'CAA caa.a.test': [
    { type: 'CAA', name: 'caa.a.test', data: { flags: 0, tag: 'issue', value: 'other.example' } },
  ],
  'TXT _acme-challenge.bogus.a.test': ({ isCheckingDisabled }) => (isCheckingDisabled ? [] : 2),
};
let names: DnsServer;
let ca: TestCa;
let server: Serving;
beforeAll(async () => {
  names = await startDnsServer(zone);
  ca = await startCa({ meta: { caaIdentities: ['ca.example'], profiles: { short: {} } } });
  server = await serving({
    ca,
    toml: `[challenge]\nchallenge_type = "dns-01"\n[challenge.dns01]\nresolvers = ["${names.address}"]\nprovider = "zone"\n[[challenge.dns01.providers]]\nname = "zone"\ntype = "powerdns"\nurl = "http://127.0.0.1:1"\napi_key = "planted-key"\n`,
  });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await ca?.[Symbol.asyncDispose]();
  await names?.[Symbol.asyncDispose]();
});
const check = async (body: object) => await server.call('POST', '/api/orders/check', { body });

describe('the check of an order', () => {
  it('has what would make the order fail, each with its code, name, message and cure', async () => {
    const { status, body } = await check({
      names: ['www.a.test', 'caa.a.test', 'bogus.a.test', 'nowhere.test'],
      profile: 'long',
    });
    expect(status).toBe(200);
    const findings = body.findings as readonly Readonly<Record<string, string>>[];
    expect(findings.map(({ code, name }) => `${name} ${code}`).sort()).toEqual([
      'bogus.a.test ERR_DNS_BOGUS',
      'caa.a.test ERR_CHECK_CAA_ISSUER',
      'nowhere.test ERR_DNS_ZONE_NOT_FOUND',
      'www.a.test, caa.a.test, bogus.a.test, nowhere.test ERR_CHECK_PROFILE',
    ]);
    for (const { severity, message, cure } of findings)
      expect([severity, message, cure]).toEqual(['error', expect.any(String), expect.any(String)]);
    expect((await server.call('GET', '/api/orders')).body.items).toEqual([]);
    expect([...ca.posts]).toEqual([]);
  });

  it('looks nothing up where only the plan is wanted', async () => {
    const before = [names.asked.length, ca.requests];
    const { body } = await check({ names: ['caa.a.test'], network: false });
    expect(body).toMatchObject({ names: ['caa.a.test'], challenge: 'dns-01' });
    expect(body).not.toHaveProperty('findings');
    expect([names.asked.length, ca.requests]).toEqual(before);
  });

  it('has no room for more than four of a tenant at once', async () => {
    const orders = new OrderFindings();
    let finish: (results: readonly never[]) => void = () => undefined;
    const results = new Promise<readonly never[]>((resolve) => {
      finish = resolve;
    });
    const tenant = { name: 'small', manager: { check: async () => await results } };
    const of = async (name = 'small') =>
      await orders.of(
        { names: ['a.test'], issuer: 'custom' },
        { tenant: { ...tenant, name }, signal: new AbortController().signal },
      );
    const running = [of(), of(), of(), of()];
    await expect(of()).rejects.toMatchObject({ code: 'ERR_SERVER_BUSY' });
    const different = of('different');
    finish([]);
    await Promise.all([...running, different]);
    await expect(of()).resolves.toEqual([]);
  });
});

const isRoot = process.getuid?.() === 0;
(isRoot && process.platform === 'linux' ? describe : describe.skip)(
  `the check of an order${isRoot ? '' : ' (skipped: only root listens on the ports 53 and 80)'}`,
  () => {
    it('connects to no server and no name server in an inner network, and names no address of it', async () => {
      const seen: string[] = [];
      const web = createServer((socket) => {
        seen.push('port 80');
        socket.destroy();
      });
      const dns = createSocket('udp4', () => seen.push('port 53'));
      await once(web.listen(80, innerAddress), 'listening');
      dns.bind(53, innerNameServer);
      await once(dns, 'listening');
      try {
        const byHttp = await check({ names: ['inner.test'], challenge: 'http-01' });
        const byDns = await check({ names: ['www.a.test'] });
        expect(names.asked).toEqual(
          expect.arrayContaining(['A inner.test', 'A ns.inner.test', 'NS a.test']),
        );
        expect(seen).toEqual([]);
        expect([byHttp.body.findings, byDns.body.findings]).toEqual([[], []]);
      } finally {
        web.close();
        dns.close();
        await once(dns, 'close');
      }
    });
  },
);
