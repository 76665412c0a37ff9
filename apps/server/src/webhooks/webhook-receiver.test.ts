import { virtualClock } from '@acmex/clock';
import { Provisioner } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import type { IncomingRequest } from '../access/credentials.ts';
import { Quotas } from '../quotas.ts';
import type { Scheduling } from '../scheduling.ts';
import type { Tenant } from '../tenants.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

const count = 230;

it.each(['renew', 'recheck'] as const)(
  'acts on all certificates of a name, however many, when it asks to %s',
  async (event) => {
    const storage = memoryStorage();
    const clock = virtualClock();
    const provisioner = new Provisioner({
      storage,
      clock,
      issuers: async () => ({ name: 'ca' }) as never,
    });
    for (let index = 0; index < count; index += 1)
      await provisioner.certificates.add({
        names: [`n${index}.test`, 'shared.test'],
        issuer: 'ca',
        keyType: 'ec-p256',
      });
    const tenant = { name: 'one', storage, manager: { provisioner } } as unknown as Tenant;
    const scheduling = { wake: () => undefined } as unknown as Scheduling;
    const quotas = new Quotas({ managed: async () => count }, clock);
    const { body } = await new WebhookReceiver(scheduling, quotas).take({
      caller: { id: 'webhook:ci', tenant, scopes: new Set(['orders:write']), names: ['*'] },
      body: { event, data: { name: 'shared.test' } },
      params: undefined,
      query: undefined,
      headers: {},
      request: {} as IncomingRequest,
      signal: new AbortController().signal,
      reauthenticate: async () => undefined,
    });
    const { certificates, orders = [] } = body as {
      readonly certificates: readonly string[];
      readonly orders?: readonly string[];
    };
    expect(new Set(certificates).size).toBe(count);
    expect(new Set(orders).size).toBe(event === 'renew' ? count : 0);
  },
);
