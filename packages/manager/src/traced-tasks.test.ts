import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { certificateManager } from './index.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const current = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const spec = { names: ['a.test'], issuer: 'test', keyType: 'ec-p256' } as const;

it('passes the trace of the order to what watches a task, and begins orders in the present trace', async () => {
  const tasks: unknown[] = [];
  const refused = Object.assign(new Error('the CA is down'), { code: 'ERR_ACME_UNREACHABLE' });
  const manager = certificateManager({
    storage: memoryStorage(),
    clock: virtualClock({ now: '2026-11-01T00:00:00Z' }),
    issuers: [{ name: 'test', title: 'test', directory: 'https://ca.test/directory' }],
    currentTrace: () => current,
    watchIssuer: (issuer) => ({ ...issuer, issue: async () => Promise.reject(refused) }),
    async watchTask(task, work) {
      tasks.push(task);
      return await work();
    },
  });
  const { provisioner } = manager;
  const traced = await provisioner.declare(spec, { traceparent });
  const untraced = await provisioner.declare({ ...spec, names: ['b.test'] });
  for (const { certificate } of [traced, untraced])
    expect(await manager.maintain(certificate.id)).toMatchObject({ outcome: { state: 'failed' } });
  expect(tasks).toEqual([
    { certificate: traced.certificate.id, traceparent },
    { certificate: untraced.certificate.id, traceparent: current },
  ]);
});
