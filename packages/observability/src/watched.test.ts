import { virtualClock } from '@acmex/clock';
import type { Issuer, IssuerStep } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import {
  caRequestMetrics,
  managerMetrics,
  Metrics,
  orderMetrics,
  storageMetrics,
} from './index.ts';

const newClock = () => virtualClock({ now: '2026-11-01T00:00:00Z' });
const newMetrics = () => new Metrics({ includesProcess: false });
const request = { names: ['secret.example'], csr: new Uint8Array() };
const options = { save: async () => undefined };
const step = (type: string, challenge?: string): IssuerStep => ({
  type,
  name: 'secret.example',
  url: 'https://ca.example/order/1',
  ...(challenge === undefined ? {} : { challenge }),
});

/** An issuer whose `issue` does what a test says. */
const issuerWith = (issue: Issuer['issue']): Issuer => ({
  name: 'test-ca',
  issue,
  abandon: async () => undefined,
});

describe('the metrics of orders', () => {
  it('count transitions and times by CA and challenge, and pass each step on', async () => {
    const [metrics, clock] = [newMetrics(), newClock()];
    const watched = orderMetrics(metrics, { clock })(
      issuerWith(async (_, { onStep }) => {
        await clock.advance({ minutes: 1 });
        onStep?.(step('ordered'));
        onStep?.(step('presented', 'dns-01'));
        await clock.advance({ seconds: 20 });
        onStep?.(step('validated'));
        await clock.advance({ seconds: 4 });
        onStep?.(step('issued'));
        return { chain: 'PEM' };
      }),
    );
    const steps: string[] = [];
    const onStep = ({ type }: IssuerStep) => void steps.push(type);
    await expect(watched.issue(request, { ...options, onStep })).resolves.toEqual({ chain: 'PEM' });
    expect(steps).toEqual(['ordered', 'presented', 'validated', 'issued']);
    const text = await metrics.text();
    const counted = 'acmex_order_transitions_total{issuer="test-ca",challenge=';
    expect(text).toContain(`${counted}"none",transition="ordered"} 1`);
    expect(text).toContain(`${counted}"dns-01",transition="issued"} 1`);
    const sum = 'acmex_order_duration_seconds_sum{issuer="test-ca",challenge="dns-01",stage=';
    expect(text).toContain(`${sum}"validation"} 20`);
    expect(text).toContain(`${sum}"issuance"} 4`);
    expect(text).not.toContain('secret.example');
  });

  it('count a failure by its code, and not a stop', async () => {
    const metrics = newMetrics();
    const stop = new AbortController();
    const watched = orderMetrics(metrics)(
      issuerWith(async (_, { onStep, signal }) => {
        onStep?.(step('presented', 'http-01'));
        signal?.throwIfAborted();
        throw Object.assign(new Error('secret.example'), { code: 'ERR_CLIENT_VALIDATION' });
      }),
    );
    const failed = expect(watched.issue(request, options)).rejects.toThrow('secret.example');
    await failed;
    stop.abort(new Error('stopped'));
    await expect(watched.issue(request, { ...options, signal: stop.signal })).rejects.toThrow();
    const text = await metrics.text();
    expect(text).toContain(
      'acmex_order_failures_total{issuer="test-ca",challenge="http-01",code="ERR_CLIENT_VALIDATION"} 1',
    );
    expect(text).toContain('challenge="http-01",transition="failed"} 1');
    expect(text).not.toContain('secret.example');
  });

  it('have no text of an error in a label, whatever its code is', async () => {
    const metrics = newMetrics();
    const watched = orderMetrics(metrics)(
      issuerWith(async () => {
        throw Object.assign(new Error('x'), { code: 'token=hunter2' });
      }),
    );
    await expect(watched.issue(request, options)).rejects.toThrow();
    await expect(metrics.text()).resolves.not.toContain('hunter2');
  });
});

describe('the metrics of requests to CAs', () => {
  it('count by operation and problem, and say until when a CA refuses requests', async () => {
    const metrics = newMetrics();
    const count = caRequestMetrics(metrics);
    count({ operation: 'newOrder', status: 201, milliseconds: 250 }, 'le');
    count(
      {
        operation: 'newOrder',
        status: 429,
        problem: 'rateLimited',
        retryAfter: Temporal.Instant.from('2026-11-02T00:00:00Z'),
        milliseconds: 50,
      },
      'le',
    );
    const text = await metrics.text();
    const requests = 'acmex_ca_requests_total{issuer="le",operation="newOrder",problem=';
    expect(text).toContain(`${requests}"none"} 1`);
    expect(text).toContain(`${requests}"rateLimited"} 1`);
    expect(text).toContain('acmex_ca_limited_until_timestamp_seconds{issuer="le"} 1793577600');
    expect(text).toContain(
      'acmex_ca_request_duration_seconds_sum{issuer="le",operation="newOrder"} 0.3',
    );
  });
});

describe('the metrics of the storage', () => {
  const entry = (set: string) => ({ set, value: new Uint8Array([1]) });

  it('time each operation, of a list only what its reader waited for', async () => {
    const [metrics, clock] = [newMetrics(), newClock()];
    const inner = memoryStorage();
    const slow: Storage = {
      get: async (key) => {
        await clock.advance({ seconds: 1 });
        return await inner.get(key);
      },
      list: async function* (prefix) {
        for await (const stored of inner.list(prefix)) {
          await clock.advance({ seconds: 2 });
          yield stored;
        }
      },
      snapshot: (snapshotOptions) => inner.snapshot(snapshotOptions),
      write: async (changes) => await inner.write(changes),
      [Symbol.asyncDispose]: async () => undefined,
    };
    const storage = storageMetrics(metrics, { clock })(slow);
    await storage.write([entry('a/1'), entry('a/2')]);
    await expect(storage.get('a/1')).resolves.toMatchObject({ key: 'a/1' });
    for await (const { key } of storage.list('a')) await clock.advance({ hours: key.length });
    const text = await metrics.text();
    expect(text).toContain('acmex_storage_duration_seconds_sum{operation="get"} 1');
    expect(text).toContain('acmex_storage_duration_seconds_sum{operation="list"} 4');
    expect(text).toContain('acmex_storage_duration_seconds_count{operation="write"} 1');
  });

  it('count failures by their code, and pass them on', async () => {
    const metrics = newMetrics();
    const storage = storageMetrics(metrics)(memoryStorage());
    await storage.write([entry('a/1')]);
    await expect(storage.write([{ ...entry('a/1'), ifVersion: null }])).rejects.toMatchObject({
      code: 'ERR_STORAGE_CONFLICT',
    });
    await expect(metrics.text()).resolves.toContain(
      'acmex_storage_failures_total{operation="write",code="ERR_STORAGE_CONFLICT"} 1',
    );
  });

  it('close a list that its reader has left, and the storage itself', async () => {
    const closed: string[] = [];
    const inner = memoryStorage();
    const list = async function* () {
      try {
        yield* inner.list('a');
      } finally {
        closed.push('list');
      }
    };
    const watched = managerMetrics(newMetrics()).watchStorage({
      get: async (key) => await inner.get(key),
      snapshot: () => inner.snapshot(),
      write: async (changes) => await inner.write(changes),
      list,
      [Symbol.asyncDispose]: async () => void closed.push('storage'),
    });
    await watched.write([entry('a/1'), entry('a/2')]);
    for await (const { key } of watched.list('a')) if (key === 'a/1') break;
    await watched[Symbol.asyncDispose]();
    expect(closed).toEqual(['list', 'storage']);
  });
});
