import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import {
  checkpointDeliveries,
  readCheckpointFile,
  verifyAuditLog,
} from '@acmex/observability/audit';
import { parseSyslogUrl } from '@acmex/config';
import { checkpointMetrics, Metrics } from '@acmex/observability';
import { freePort, localCertificate, startWebhookReceiver, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { auditConfig, happened, keptOpen } from './configured-audit.testing.ts';
import { configuredAudit } from './from-config.ts';
import { syslogSender } from './syslog.ts';

const secret = 'a secret of the receiver, with enough bytes';

/** Records once, and returns what was reported as an error. */
async function record(storage: Storage, keys: string): Promise<readonly string[]> {
  const errors: string[] = [];
  const onError = (error: unknown) => void errors.push(String(error));
  const options = { origin: {}, environment: {}, onError };
  const audited = configuredAudit(await auditConfig(keys), keptOpen(storage), options);
  await audited.write([happened('something')]);
  await audited[Symbol.asyncDispose]();
  return errors;
}

async function listening(server: Server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function fail(error: unknown): never {
  throw error;
}

const webhookKeys = (url: string) =>
  `checkpoint_webhook = { url = "${url}", secret = "${secret}", allow_http = true, allow = ["127.0.0.0/8"] }`;

it('sends a checkpoint again that a webhook has refused, in order and signed, and shows that it waits', async () => {
  const storage = memoryStorage();
  await using receiver = await startWebhookReceiver();
  receiver.answer = (response) => void response.writeHead(503).end();
  const keys = webhookKeys(receiver.url);
  const metrics = new Metrics({ includesProcess: false });
  checkpointMetrics(metrics, { storage: () => storage, destinations: ['webhook'] });
  const errors = [...(await record(storage, keys)), ...(await record(storage, keys))];
  expect(errors).toEqual([
    expect.stringContaining('webhook: checkpoint 1 of the audit log could not be sent'),
    expect.stringContaining('127.0.0.1 has answered 503'),
  ]);
  expect(errors.join('')).not.toContain('t0ken');
  expect(await checkpointDeliveries(storage, ['webhook'])).toMatchObject([
    {
      sent: 0,
      unsent: 2,
      failure: expect.stringContaining('503'),
      failingSince: expect.any(String),
    },
  ]);
  expect(await metrics.text()).toContain('acmex_audit_checkpoints_unsent{destination="webhook"} 2');
  const { received } = receiver;
  received.length = 0;
  receiver.answer = (response) => void response.writeHead(204).end();
  expect(await record(storage, keys)).toEqual([]);
  expect(await checkpointDeliveries(storage, ['webhook'])).toEqual([
    { destination: 'webhook', sent: 3, unsent: 0 },
  ]);
  expect(received.map(({ body }) => (JSON.parse(body) as { data: object }).data)).toMatchObject(
    [1, 2, 3].map((number) => ({ number })),
  );
  for (const { body, headers } of received) {
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const signature = createHmac('sha256', secret).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
  }
  const checkpoints = received.map(
    ({ body }) => (JSON.parse(body) as { data: { checkpoint: string } }).data.checkpoint,
  );
  expect(await verifyAuditLog(storage, { checkpoints })).toMatchObject({ faultCount: 0 });
});

it('removes what is older than retention_days an hour after the start', async () => {
  const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
  const storage = memoryStorage();
  const options = { origin: {}, environment: {}, clock, onError: fail };
  const config = await auditConfig('retention_days = 30\ncheckpoint_secs = 600');
  const first = configuredAudit(config, keptOpen(storage), options);
  await first.write([happened('something')]);
  await first[Symbol.asyncDispose]();
  await clock.advance({ hours: 24 * 40 });
  let seal: (key: string) => void;
  const sealed = new Promise<string>((resolve) => {
    seal = resolve;
  });
  const watched: Storage = {
    ...keptOpen(storage),
    async write(changes, writeOptions) {
      const versions = await storage.write(changes, writeOptions);
      for (const change of changes)
        if ('set' in change && change.set.startsWith('audit/seal/')) seal(change.set);
      return versions;
    },
  };
  const second = configuredAudit(config, watched, options);
  await clock.advance({ hours: 2 });
  expect(await sealed).toMatch(/^audit\/seal\/wri_/);
  await second[Symbol.asyncDispose]();
  expect(await verifyAuditLog(storage)).toMatchObject({ records: 1, writers: 2, faultCount: 0 });
});

it('appends to a file what could not be appended before', async () => {
  await using folder = await temporaryFolder('checkpoints');
  const storage = memoryStorage();
  const file = join(folder.path, 'checkpoints');
  const absent = join(folder.path, 'absent', 'checkpoints');
  expect(await record(storage, `checkpoint_file = "${absent}"`)).toEqual([
    expect.stringContaining('checkpoint 1 of the audit log could not be sent'),
  ]);
  expect(await record(storage, `checkpoint_file = "${file}"`)).toEqual([]);
  expect(await readCheckpointFile(file)).toHaveLength(2);
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
});

it('records and signs while no destination answers', async () => {
  const storage = memoryStorage();
  const port = await freePort();
  const errors = await record(storage, `checkpoint_syslog = "tcp://127.0.0.1:${port}"`);
  expect(errors).toEqual([expect.stringContaining('no connection (ECONNREFUSED)')]);
  expect(await verifyAuditLog(storage)).toMatchObject({
    ...{ records: 1, checkpoints: 1, faultCount: 0 },
  });
});

it('sends a message of RFC 5424 over TLS with octet counting, to the right server alone', async () => {
  const { caCertificate, certificate, privateKey } = await localCertificate();
  const tls = createTlsServer({ cert: certificate, key: privateKey });
  const received: string[] = [];
  tls.on('secureConnection', (socket) => {
    let text = '';
    socket.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    socket.on('end', () => received.push(text));
  });
  await using server = await listening(tls);
  const clock = virtualClock({ now: '2026-06-01T00:00:00.123456789Z' });
  const to = { transport: 'tls' as const, host: 'localhost', port: server.port, clock };
  const message = { id: 'checkpoint', text: 'eyJ.eyJ.x' };
  const { signal } = new AbortController();
  const hostname = 'web 1\n';
  await syslogSender({ ...to, hostname, ca: [caCertificate] })(message, { signal });
  const wanted = `<109>1 2026-06-01T00:00:00.123Z web1 acmex ${process.pid} checkpoint - eyJ.eyJ.x`;
  expect(received).toEqual([`${wanted.length} ${wanted}`]);
  await expect(syslogSender({ ...to, hostname })(message, { signal })).rejects.toMatchObject({
    code: 'ERR_EGRESS_TLS',
  });
  expect(received).toHaveLength(1);
});

it.each([
  ['tls://logs.example', { transport: 'tls', host: 'logs.example', port: 6514 }],
  ['tcp://[::1]:601', { transport: 'tcp', host: '::1', port: 601 }],
  ['udp://192.0.2.1', { transport: 'udp', host: '192.0.2.1', port: 514 }],
  ['https://logs.example', undefined],
  ['tls://logs.example/path', undefined],
])('reads %s as a syslog server, or refuses it', (url, wanted) => {
  expect(parseSyslogUrl(url)).toEqual(wanted);
});
