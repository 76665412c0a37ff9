import { readFile } from 'node:fs/promises';
import { readCheckpointFile, verifyAuditLog } from '@acmex/observability/audit';
import { describeWith, eventually, startRsyslog } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { auditConfig, happened, keptOpen } from './configured-audit.testing.ts';
import { configuredAudit } from './from-config.ts';

describeWith(['rsyslogd'], 'the checkpoints that rsyslogd has written', () => {
  it('verify the log, over TCP and UDP, and find a storage that was replaced', async () => {
    await using rsyslog = await startRsyslog();
    const storage = memoryStorage();
    for (const url of [
      `tcp://127.0.0.1:${rsyslog.tcpPort}`,
      `udp://127.0.0.1:${rsyslog.udpPort}`,
    ]) {
      const config = await auditConfig(`checkpoint_syslog = "${url}"`);
      await record(storage, config, url);
    }
    await eventually(
      async () => (await readFile(rsyslog.file, 'utf8')).trim().split('\n').length === 2,
    );
    const checkpoints = await readCheckpointFile(rsyslog.file);
    expect(checkpoints).toHaveLength(2);
    expect(await verifyAuditLog(storage, { checkpoints })).toMatchObject({ faultCount: 0 });
    const unrelated = memoryStorage();
    await record(unrelated, await auditConfig(''), 'other');
    expect((await verifyAuditLog(unrelated, { checkpoints })).faultCount).toBeGreaterThan(0);
  });
});

async function record(
  storage: Storage,
  config: Awaited<ReturnType<typeof auditConfig>>,
  message: string,
): Promise<void> {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const options = { origin: {}, environment: {}, onError };
  await using audited = configuredAudit(config, keptOpen(storage), options);
  await audited.write([happened(message)]);
  await audited[Symbol.asyncDispose]();
  expect(errors).toEqual([]);
}
