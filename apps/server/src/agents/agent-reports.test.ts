import type { ManagedCertificate } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { AgentReports } from './agent-reports.ts';

it('leaves a host to its key when the host reports while its older reports are removed', async () => {
  const reports = new AgentReports({ storage: memoryStorage() });
  const certificate = (id: string) =>
    ({ id, names: ['a.test'], issuer: 'test' }) as unknown as ManagedCertificate;
  await reports.take('web1', certificate('crt_b'), {}, 'key_1');
  await reports.forget('web1', async () => {
    await reports.take('web1', certificate('crt_a'), {}, 'key_1');
    return true;
  });
  await expect(reports.take('web1', certificate('crt_c'), {}, 'key_2')).rejects.toMatchObject({
    code: 'ERR_SERVER_FORBIDDEN',
  });
  await reports.forget('web1', async () => true);
  await expect(reports.take('web1', certificate('crt_c'), {}, 'key_2')).resolves.toBeUndefined();
});
