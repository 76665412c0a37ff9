import { randomBytes } from 'node:crypto';
import {
  type Bind,
  describeWith,
  eventually,
  startBind,
  startRedis,
  temporaryFolder,
  type TemporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Reply, type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

interface DnsRecord {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly state: string;
}

describeWith(['named', 'nsupdate', 'redis-server'], 'an order with records set by hand', () => {
  let bind: Bind;
  let ca: TestCa;
  let folder: TemporaryFolder;
  let server: Serving;
  let key: string;
  const settings = () => `[challenge.dns01]\nresolvers = ["${bind.address}"]\n`;
  const start = async () => await serving({ ca, toml: settings(), folder: folder.path });
  beforeAll(async () => {
    bind = await startBind({ zones: { 'a.test': [] } });
    ca = await startCa({ nameServer: bind.address });
    folder = await temporaryFolder('manual-records');
    server = await start();
    ({ key } = server);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
    await ca?.[Symbol.asyncDispose]();
    await bind?.[Symbol.asyncDispose]();
  });
  const call = async (method: string, path: string, body?: object): Promise<Reply> =>
    await server.call(method, path, { key, body });
  const stateOf = async (id: string) => (await call('GET', `/api/orders/${id}`)).body;
  const ordered = async (...names: readonly string[]) => {
    const { status, body } = await call('POST', '/api/orders', {
      ...{ names, challenge: 'dns-01', dnsProvider: 'manual' },
    });
    expect(status).toBe(202);
    await eventually(async () => (await stateOf(body.id)).records !== undefined);
    const { records, recordsUntil } = await stateOf(body.id);
    return {
      ...{ id: body.id as string, certificate: body.certificate as string },
      records: records as readonly DnsRecord[],
      until: recordsUntil as string,
    };
  };
  const check = async (id: string) => (await call('POST', `/api/orders/${id}/records/check`)).body;
  const eventsOf = async (certificate: string) =>
    (await call('GET', `/api/events?certificate=${certificate}`)).body.items as readonly {
      type: string;
      message?: string;
    }[];

  it('shows all of them at once, explains a wrong value, survives a restart, and is issued when all are set', async () => {
    const { id, certificate, records, until } = await ordered('www.a.test', '*.www.a.test');
    expect(records.map(({ domain }) => domain).sort()).toEqual(['*.www.a.test', 'www.a.test']);
    const value = expect.stringMatching(/^[\w-]{43}$/);
    for (const record of records)
      expect(record).toMatchObject({
        ...{ type: 'TXT', name: '_acme-challenge.www.a.test', value, state: 'wanted' },
      });
    expect(await eventsOf(certificate)).toContainEqual(
      expect.objectContaining({
        type: 'challenge_record_wanted',
        message: `2 TXT records at _acme-challenge.www.a.test must be set by hand until ${until}`,
      }),
    );
    const [first, second] = records;
    await bind.update(`add ${first?.name} 1 TXT "wrong"`);
    const wrong = { server: bind.address, state: 'different', values: ['wrong'] };
    expect((await check(id)).checks).toMatchObject([{ answers: [wrong] }, { answers: [wrong] }]);

    await server[Symbol.asyncDispose]();
    server = await start();
    expect(await stateOf(id)).toMatchObject({ state: 'pending', records });
    const stream = server.fetch(`/api/orders/${id}/events`, { headers: { 'x-api-key': key } });
    await bind.update(`add ${first?.name} 1 TXT ${first?.value}`);
    const { order, checks } = await check(id);
    expect(
      checks.map(({ answers }: { answers: { state: string }[] }) => answers[0]?.state),
    ).toEqual(['seen', 'different']);
    expect(order.records).toMatchObject([{ state: 'seen' }, { state: 'wanted' }]);
    await bind.update(`add ${second?.name} 1 TXT ${second?.value}`);
    await check(id);
    const text = await (await stream).text();
    const end = JSON.parse(/event: end\ndata: (.+)/.exec(text)?.[1] ?? '{}') as object;
    expect(end).toMatchObject({
      state: 'succeeded',
      records: [
        { value: first?.value, state: 'removable' },
        { value: second?.value, state: 'removable' },
      ],
    });
    expect(text).toMatch(
      /event: records\ndata: \{"records":\[.*"wanted".*"recordsUntil":[^]*event: records\ndata: .*"removable"/,
    );
    expect(text).not.toContain('"presented"');
    expect(await check(id)).toMatchObject({ checks: [] });
  });

  it('is cancelled while it waits, and leaves no certificate', async () => {
    const { id, certificate } = await ordered('cancelled.a.test');
    expect(await call('DELETE', `/api/orders/${id}`)).toMatchObject({ status: 202 });
    let order: { readonly state?: string } = {};
    await eventually(
      async () => {
        order = await stateOf(id);
        return order.state === 'cancelled';
      },
      60,
      () => JSON.stringify(order),
    );
    expect((await stateOf(id)).records).toMatchObject([{ state: 'removable' }]);
    expect((await call('GET', `/api/certificates/${certificate}`)).status).toBe(404);
  });

  it('is wanted again by a renewal, which reports it', async () => {
    const { id, certificate, records } = await ordered('renewed.a.test');
    for (const { name, value } of records) await bind.update(`add ${name} 1 TXT ${value}`);
    const { checks } = await check(id);
    expect(checks).toMatchObject([{ answers: [{ state: 'seen' }] }]);
    let order: object = {};
    await eventually(
      async () => {
        order = await stateOf(id);
        return 'state' in order && order.state === 'succeeded';
      },
      60,
      () => JSON.stringify(order),
    );
    const { body } = await call('POST', `/api/certificates/${certificate}/renew`);
    await eventually(async () => (await stateOf(body.id)).records !== undefined);
    const wanted = (await eventsOf(certificate)).filter(
      ({ type }) => type === 'challenge_record_wanted',
    );
    expect(wanted).toHaveLength(2);
    const [former] = records;
    const [present] = (await stateOf(body.id)).records as readonly DnsRecord[];
    expect(present?.value).not.toBe(former?.value);
    expect((await check(body.id)).checks).toMatchObject([
      { answers: [{ state: 'different', values: [former?.value] }] },
    ]);
  });

  it('is among the DNS providers, and in the plan of an order', async () => {
    expect((await call('GET', '/api/dns-providers')).body.items).toEqual([
      ...[{ name: 'manual', type: 'manual', title: 'By hand', isDefault: false, attended: true }],
    ]);
    const { body } = await call('POST', '/api/orders/check', {
      ...{ names: ['plan.a.test'], challenge: 'dns-01', dnsProvider: 'manual', network: false },
    });
    expect(body.dnsProviders).toEqual({ 'plan.a.test': 'manual' });
  });

  it('is shown and checked by a server that has the API, and issued by another that works', async () => {
    await using redis = await startRedis({});
    const encryptionKey = randomBytes(32).toString('hex');
    const member = async (role: 'api' | 'worker') =>
      await serving({
        ...{ ca, role },
        toml: `${settings()}[redis]\nurl = "${redis.url}"\n[storage.encrypted]\nencryption_key = "${encryptionKey}"\n`,
      });
    await using api = await member('api');
    const show = async () => (await api.call('GET', `/api/orders/${body.id}`)).body;
    const { body } = await api.call('POST', '/api/orders', {
      body: { names: ['team.a.test'], challenge: 'dns-01', dnsProvider: 'manual' },
    });
    const work = async (isDone: () => Promise<boolean>) => {
      const worker = await member('worker');
      try {
        await eventually(isDone);
      } finally {
        await worker[Symbol.asyncDispose]();
      }
    };
    await work(async () => (await show()).records !== undefined);
    const [record] = (await show()).records as readonly DnsRecord[];
    await bind.update(`add ${record?.name} 1 TXT ${record?.value}`);
    const { status } = await api.call('POST', `/api/orders/${body.id}/records/check`);
    expect(status).toBe(200);
    await work(async () => (await show()).state === 'succeeded');
    expect((await show()).records).toMatchObject([{ value: record?.value, state: 'removable' }]);
  });
});
