import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

const toml = '[tenants.one]\nnames = ["*"]\n[tenants.two]\nnames = ["*"]\n';
let ca: TestCa;
let server: Serving;
let agent: string;
let certificate: string;
let serialNumber: string;
const report = async (body: object, key = agent) =>
  await server.call('POST', '/api/agents', {
    key,
    body: { agent: 'web1', certificates: [{ id: certificate, ...body }] },
  });
const seen = async (query = '', key?: string) =>
  (await server.call('GET', `/api/agents${query}`, key === undefined ? {} : { key })).body.items;
const issued = async (names: readonly string[]) => {
  const {
    body: { id, certificate: certificateId },
  } = await server.call('POST', '/api/orders', { body: { names } });
  await server.call('GET', `/api/orders/${id}/events`);
  return String(certificateId);
};
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca, toml });
  agent = await server.makeKey({
    scopes: ['certificates:read', 'agents:write'],
    names: ['a.test'],
  });
  certificate = await issued(['a.test']);
  serialNumber = (await server.call('GET', `/api/certificates/${certificate}`)).body.current
    .serialNumber;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

describe('the report of an agent', () => {
  it('shows what the host serves, how the agent knows, since when, and if it is the current certificate', async () => {
    expect(await seen()).toEqual([]);
    await expect(report({ serialNumber, evidence: 'files' })).resolves.toMatchObject({
      status: 200,
      body: { unknown: [] },
    });
    const [first] = await seen();
    expect(first).toMatchObject({
      agent: 'web1',
      certificate,
      names: ['a.test'],
      state: 'current',
      serialNumber,
      evidence: 'files',
      by: expect.stringMatching(/^key_/),
    });
    await report({ serialNumber, evidence: 'probe' });
    const [again] = await seen();
    expect(again).toMatchObject({ since: first.since, evidence: 'probe' });
    expect(Date.parse(again.reportedAt)).toBeGreaterThan(Date.parse(first.reportedAt));
    await server
      .call('POST', `/api/certificates/${certificate}/renew`)
      .then(async ({ body: { id } }) => await server.call('GET', `/api/orders/${id}/events`));
    await expect(seen('?state=behind')).resolves.toMatchObject([
      { agent: 'web1', state: 'behind' },
    ]);
    await expect(seen('?state=current')).resolves.toEqual([]);
  });
  it('records an event with its sender when the report changes', async () => {
    const eventsOf = async (type: string) =>
      (await server.call('GET', `/api/events?type=${type}&certificate=${certificate}`)).body.items;
    await report({ serialNumber, failure: 'ERR_DEPLOY_HOOK' });
    const [status] = await seen();
    await report({ serialNumber, failure: 'ERR_DEPLOY_HOOK' });
    expect((await seen())[0].failure).toEqual({
      code: 'ERR_DEPLOY_HOOK',
      since: status.failure.since,
    });
    expect(
      (await eventsOf('certificate_deployed')).filter(
        ({ actor }: { actor?: string }) => actor !== undefined,
      ),
    ).toMatchObject([
      { message: `web1 serves ${serialNumber}`, actor: expect.stringMatching(/^key_/) },
    ]);
    await expect(eventsOf('deployment_failed')).resolves.toMatchObject([
      { message: 'web1', code: 'ERR_DEPLOY_HOOK' },
    ]);
    await report({ serialNumber });
    expect((await seen())[0]).not.toHaveProperty('failure');
  });
  it('is stored and listed only for certificates that the key may see', async () => {
    const otherCertificate = await issued(['b.test']);
    await expect(
      server.call('POST', '/api/agents', {
        key: agent,
        body: {
          agent: 'web1',
          certificates: [
            { id: certificate, serialNumber },
            { id: otherCertificate, serialNumber: 'ff' },
          ],
        },
      }),
    ).resolves.toMatchObject({ status: 200, body: { unknown: [otherCertificate] } });
    await expect(seen(`?certificate=${otherCertificate}`)).resolves.toEqual([]);
    await server.call('POST', '/api/agents', {
      body: { agent: 'web2', certificates: [{ id: otherCertificate, serialNumber: 'ff' }] },
    });
    const narrow = await server.makeKey({
      scopes: ['agents:read', 'agents:write'],
      names: ['a.test'],
    });
    expect((await seen('', narrow)).map((entry: { agent: string }) => entry.agent)).toEqual([
      'web1',
    ]);
    await expect(server.call('DELETE', '/api/agents/web2', { key: narrow })).resolves.toMatchObject(
      { status: 404 },
    );
    await expect(seen('?agent=web2')).resolves.toHaveLength(1);
  });
  it('is taken for a host only from the key that first reported for it, while that key is valid', async () => {
    const makeAgentKey = async (names = ['a.test']) =>
      await server.makeKey({ scopes: ['agents:read', 'agents:write', 'certificates:read'], names });
    const [owner, foreign] = [await makeAgentKey(), await makeAgentKey()];
    const reportBy = async (key: string, serial = serialNumber) =>
      await server.call('POST', '/api/agents', {
        key,
        body: { agent: 'bound', certificates: [{ id: certificate, serialNumber: serial }] },
      });
    expect((await reportBy(owner)).status).toBe(200);
    const refused = await reportBy(foreign, 'ff');
    expect(refused).toMatchObject({ status: 403, body: { code: 'ERR_SERVER_FORBIDDEN' } });
    expect(refused.text).toContain('DELETE /api/agents/bound');
    await expect(
      server.call('DELETE', '/api/agents/bound', { key: foreign }),
    ).resolves.toMatchObject({ status: 404 });
    await expect(seen('?agent=bound')).resolves.toMatchObject([{ serialNumber }]);
    const id = /\.([0-9a-z]{26})\./.exec(owner)?.[1];
    await server.call('DELETE', `/api/keys/key_${id}`);
    expect((await reportBy(foreign)).status).toBe(200);
    expect((await reportBy(agent)).status).toBe(403);
    await expect(server.call('DELETE', '/api/agents/bound')).resolves.toMatchObject({
      status: 204,
    });
    expect((await reportBy(agent)).status).toBe(200);
    await server.call('DELETE', '/api/agents/bound');
  });
  it('belongs to one key when several report for a new host at once', async () => {
    const rivals = await Promise.all(
      Array.from({ length: 4 }, async () =>
        server.makeKey({ scopes: ['agents:write'], names: ['a.test'] }),
      ),
    );
    const statuses = await Promise.all(
      rivals.map(
        async (key) =>
          (
            await server.call('POST', '/api/agents', {
              key,
              body: { agent: 'wanted', certificates: [{ id: certificate, serialNumber }] },
            })
          ).status,
      ),
    );
    expect(statuses.sort((a, b) => a - b)).toEqual([200, 403, 403, 403]);
    await server.call('DELETE', '/api/agents/wanted');
  });
  it('is listed in pages', async () => {
    const {
      body: {
        items: [first],
        next,
      },
    } = await server.call('GET', '/api/agents?limit=1');
    const {
      body: {
        items: [two],
      },
    } = await server.call('GET', `/api/agents?limit=1&cursor=${encodeURIComponent(next)}`);
    expect([first.agent, two.agent]).toEqual(['web1', 'web2']);
  });
  it('is removed with its host and with its certificate', async () => {
    await expect(server.call('DELETE', '/api/agents/web2')).resolves.toMatchObject({ status: 204 });
    expect((await seen()).map((entry: { agent: string }) => entry.agent)).toEqual(['web1']);
    await server.call('DELETE', `/api/certificates/${certificate}`);
    await expect(seen()).resolves.toEqual([]);
    await expect(report({ serialNumber })).resolves.toMatchObject({
      body: { unknown: [certificate] },
    });
  });
});
