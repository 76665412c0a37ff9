import { virtualClock } from '@acmex/clock';
import type { Issuer, ManagedCertificate } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spanTable, type Tracing, tracing } from '../tracing.ts';
import { type EndedSpan, keepContexts, recordingTracer } from './spans.testing.ts';

const secret = 'tok-en.key-authorization';
const secrets = [secret, 'secret.example', 'https://user:pass@ca.example'];
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
const certificate = { id: 'crt_1', names: ['secret.example'] } as unknown as ManagedCertificate;
const generation = { order: 'ord_1', privateKey: secret, names: [], chain: '', alternates: [] };

let spans: EndedSpan[];
let traced: Tracing;
let endContexts: () => void;
beforeAll(() => {
  endContexts = keepContexts();
});
afterAll(() => endContexts());
beforeEach(() => {
  const recording = recordingTracer();
  ({ spans } = recording);
  const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  traced = tracing({ tracer: recording.tracer, clock });
});

/** An order as a manager executes it: each part is watched, and everything it handles is secret. */
const execute = async (trace?: string) => {
  const { managerOptions, watchStorage } = traced;
  const storage = watchStorage(memoryStorage());
  const dns = managerOptions.watchDnsProvider({
    name: 'cloudflare',
    append: async (zone: string) => {
      if (zone === '') throw new Error(secret);
    },
  });
  const issuer = managerOptions.watchIssuer({
    name: 'test-ca',
    async issue(_, { onStep, save }) {
      onStep?.({ type: 'ordered', name: 'secret.example', url: secrets[2], message: secret });
      await save({ token: secret });
      await dns.append('secret.example');
      managerOptions.onExchange(
        { operation: 'finalize', status: 200, milliseconds: 20 },
        'test-ca',
      );
      return { chain: secret };
    },
    abandon: async () => undefined,
  } satisfies Issuer);
  const deployer = managerOptions.watchDeployer({ deploy: async () => undefined });
  await managerOptions.watchTask({ certificate: 'crt_1', traceparent: trace }, async () => {
    const save = async () => void (await storage.write([{ set: 'a', value: new Uint8Array() }]));
    const request = { names: ['secret.example'], csr: new Uint8Array() };
    await issuer.issue(request, { save, traceparent: trace });
    await deployer.deploy(certificate, generation, {});
  });
};
const named = (name: string) => spans.find((span) => span.name === name);

describe('the trace of an order', () => {
  it('has its task, CA, DNS, storage and deployment, below the span that asked for it', async () => {
    await execute(traceparent);
    expect(spans.map(({ name }) => name).sort()).toEqual([
      'acme request',
      'deploy',
      'dns',
      'issue',
      'storage write',
      'task',
    ]);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(named('task')).toMatchObject({ parent: '00f067aa0ba902b7', isFailed: false });
    const [task, issue] = [named('task')?.spanId, named('issue')];
    expect(issue).toMatchObject({ parent: task, events: ['ordered'] });
    expect(named('deploy')).toMatchObject({ parent: task });
    for (const name of ['acme request', 'dns', 'storage write'])
      expect(named(name)).toMatchObject({ parent: issue?.spanId });
    expect(named('acme request')?.attributes).toEqual({
      'acmex.issuer': 'test-ca',
      'acme.operation': 'finalize',
      'http.response.status_code': 200,
    });
  });
  it('is a new trace, which an order can continue, where no one asked for it', async () => {
    let current: string | undefined;
    await traced.managerOptions.watchTask({ certificate: 'crt_1' }, async () => {
      current = traced.managerOptions.currentTrace();
    });
    expect(current).toBe(`00-${spans[0]?.traceId}-${spans[0]?.spanId}-01`);
    expect(traced.managerOptions.currentTrace()).toBeUndefined();
  });
  it.each(['nonsense', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, ''])(
    'is a new trace for the traceparent %j, which is not well-formed',
    async (wrong) => {
      await execute(wrong);
      expect(named('task')?.parent).toBeUndefined();
      expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
    },
  );
});

describe('a span', () => {
  it('has only the attributes of the table, and no secret, name or URL', async () => {
    await execute(traceparent);
    for (const { name, attributes } of spans) {
      const { attributes: known } = spanTable[name as keyof typeof spanTable];
      expect(known).toEqual(expect.arrayContaining(Object.keys(attributes)));
    }
    for (const text of secrets) expect(JSON.stringify(spans)).not.toContain(text);
  });
  it('has the code of an error and nothing of its text, and passes the error on', async () => {
    const failing = { name: 'powerdns', append: async () => Promise.reject(refusal) };
    const refusal = Object.assign(new Error(secret), { code: 'ERR_DNS_API' });
    const provider = traced.managerOptions.watchDnsProvider(failing);
    await expect(provider.append()).rejects.toBe(refusal);
    expect(named('dns')).toMatchObject({
      isFailed: true,
      attributes: { 'error.type': 'ERR_DNS_API', 'acmex.dns.provider': 'powerdns' },
    });
    expect(JSON.stringify(spans)).not.toContain(secret);
  });
  it('of a request has its route and status, and continues the trace of the caller', async () => {
    const request = { method: 'POST', route: '/api/orders', traceparent };
    await traced.traceRequest(request, async () => ({ status: 202 }));
    expect(spans).toEqual([
      expect.objectContaining({
        ...{ name: 'request', traceId, parent: '00f067aa0ba902b7' },
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/api/orders',
          'http.response.status_code': 202,
        },
      }),
    ]);
  });
  it('of a validation has the problem type of a refusal', async () => {
    const refused = { valid: false, type: 'unauthorized', detail: secret };
    const validate = traced.watchValidator(async ({ type }: { readonly type: string }) =>
      type === '' ? undefined : refused,
    );
    await expect(validate({ type: 'http-01' })).resolves.toBe(refused);
    const attributes = { 'acme.challenge': 'http-01', 'acme.problem': 'unauthorized' };
    expect(named('validate')).toMatchObject({ isFailed: true, attributes });
  });
  it('of the storage exists only inside other work', async () => {
    const storage = traced.watchStorage(memoryStorage());
    await storage.write([{ set: 'a', value: new Uint8Array() }]);
    await expect(storage.get('a')).resolves.toMatchObject({ key: 'a' });
    expect(spans).toEqual([]);
  });
});
