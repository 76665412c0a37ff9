import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { NotificationsError, Notifier } from '@acmex/notifications';
import {
  CertificateStore,
  eventChange,
  notificationMeanings,
  type NotificationType,
  notificationTypes,
} from '@acmex/orchestrator';
import {
  removeFolder,
  smtpError,
  startMailServer,
  startWebhookReceiver,
  type WebhookReceiver,
} from '@acmex/services';
import { scopedStorage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

let folder: string;
let status: number;
let receiver: WebhookReceiver;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
  status = 200;
  receiver = await startWebhookReceiver();
  receiver.answer = (response) => void response.writeHead(status).end('answer\u001b[2J');
  await writeFile(
    join(folder, 'acmex.toml'),
    `[acme]
ca = "custom"
ca_custom_url = "https://127.0.0.1:1/directory"
tos_agreed = true
[storage.file]
path = "${join(folder, 'data')}"
[notifications]
allow = ["127.0.0.0/8"]
[[notifications.webhooks]]
name = "audit"
url = "${receiver.url}"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
auth_token = "b3arer"
allow_http = true
events = ["renewal_started", "renewal_failed"]
names = ["*.test"]
`,
    { mode: 0o600 },
  );
});
afterEach(async () => {
  await receiver[Symbol.asyncDispose]();
  await removeFolder(folder);
});
const run = async (args: readonly string[], options: Parameters<typeof acmex>[1] = {}) =>
  await acmex([...args, '--config', join(folder, 'acmex.toml')], {
    env: { HOME: folder },
    ...options,
  });

/** Adds certificates, which are due at once at a CA that cannot be reached. */
async function addDue(...names: readonly string[]) {
  await using storage = fileStorage({ path: join(folder, 'data') });
  const store = new CertificateStore({ storage });
  for (const name of names)
    await store.add({ names: [name], issuer: 'custom', keyType: 'ec-p256' });
}
const bodies = () => receiver.received.map(({ body }) => JSON.parse(body));

it('sends a test message, signed, and shows what the receiver answered', async () => {
  const { code, stdout } = await run(['notify', 'test', 'audit', '-o', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    { receiver: 'audit', result: 'accepted', status: 200, answer: 'answer\\u{1b}[2J' },
  ]);
  expect(receiver.received[0]?.headers).toMatchObject({
    authorization: 'Bearer b3arer',
    'webhook-id': expect.stringMatching(/^msg_/),
    'webhook-signature': expect.stringMatching(/^v1,/),
  });
  expect(bodies()).toMatchObject([{ type: 'test', data: { title: 'Test message from AcmeX' } }]);
});

it('sends an example of any event, which says that it is a test', async () => {
  for (const type of notificationTypes) {
    const { code } = await run(['notify', 'test', '--event', type, '--channel', 'audit']);
    expect(code).toBe(0);
  }
  expect(bodies().map(({ type }) => type)).toEqual(notificationTypes);
  for (const { type, data } of bodies()) {
    expect(data).toMatchObject({
      title: expect.stringMatching(/^Test: /),
      message: `Test message from AcmeX, nothing has happened. Its meaning: ${notificationMeanings[type as NotificationType]}`,
    });
    const isOfServer = /^(?:account|api_key|session|weekly)_/.test(type);
    expect('certificate' in data && 'names' in data).toBe(!isOfServer);
  }
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(
    notificationTypes.length,
  );
});

it('refuses the name of no event, and two receivers', async () => {
  await expect(run(['notify', 'test', '--event', 'renewal\u001b'])).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no event renewal\\u{1b}: use one of renewal_started'),
  });
  await expect(run(['notify', 'test', 'audit', '--channel', 'audit'])).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('name the receiver once'),
  });
  expect(receiver.received).toEqual([]);
});

it.each([
  [
    `template = '{"a": "{{titel}}"}'`,
    'template has the unknown place {{titel}}: use one of id, type',
  ],
  [
    `template = '{"a": {{title}}}'`,
    'template is not valid JSON with every value: write each place',
  ],
  [`template = '{"a": "{{title}"}'`, 'template has {{ without a place: write each place as in {{'],
  [
    `template = "{{title}}"\ncontent_type = "application/x-yaml"`,
    'content_type is a content type that values cannot be escaped for: use application/json',
  ],
])(
  'names file and key of the template %j in config check, and at the start',
  async (keys, text) => {
    const file = join(folder, 'acmex.toml');
    const receiver = '[[notifications.webhooks]]\nname = "custom"\nurl = "https://a.test/"\n';
    await appendFile(file, `${receiver}format = "custom"\n${keys}\n`);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const fault = `${file}:${lines.length}: notifications.webhooks[1].${text}`;
    await expect(run(['config', 'check'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(fault),
    });
    await expect(run(['notify', 'list'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(fault),
    });
  },
);

it('fails with the answer of a receiver that refuses, and names the receivers that there are', async () => {
  status = 500;
  await expect(run(['notify', 'test'])).resolves.toMatchObject({
    code: 4,
    stderr: expect.stringContaining('audit: 127.0.0.1 has answered 500: answer'),
  });
  await expect(run(['notify', 'test', 'pager'])).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no receiver pager: use audit'),
  });
  await expect(
    acmex(['notify', 'test', '--storage', join(folder, 'none')], { env: { HOME: folder } }),
  ).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('add [[notifications.webhooks]] or [[notifications.email]]'),
  });
});

it('sends a test message by e-mail, and shows why the mail server refuses it', async () => {
  const recipients: string[] = [];
  await using mail = await startMailServer({
    hideSTARTTLS: true,
    recipient: (address) => {
      recipients.push(address);
      return address.startsWith('gone') ? smtpError(550, 'no such user') : undefined;
    },
  });
  const table = (name: string) =>
    `[[notifications.email]]\nname = "${name}"\nsmtp_host = "127.0.0.1"\nsmtp_port = ${mail.port}\ntls = "none"\nfrom = "mailto:acmex@example.com"\nto = ["${name}@example.com"]\n`;
  await appendFile(join(folder, 'acmex.toml'), table('ops') + table('gone'));
  const { code, stdout } = await run(['notify', 'test', 'ops', '-o', 'json']);
  expect({ code, rows: JSON.parse(stdout) }).toMatchObject({
    code: 0,
    rows: [{ receiver: 'ops', result: 'accepted', status: 250 }],
  });
  await expect(run(['notify', 'test', 'gone'])).resolves.toMatchObject({
    code: 4,
    stderr: expect.stringContaining('gone@example.com: 550'),
  });
  expect(recipients).toEqual(['ops@example.com', 'gone@example.com']);
});

it('sends one report of a renew run, which waits where the receiver is down', async () => {
  await addDue('a.test', 'b.test', 'c.example');
  status = 503;
  const { stderr } = await run(['renew']);
  expect(stderr).toContain('audit is not notified yet (4 events, 2 of them failures)');
  expect(stderr).not.toMatch(/t0ken|b3arer/);
  expect(bodies()).toMatchObject([{ type: 'report' }]);
  const { events } = bodies()[0].data as { readonly events: readonly { readonly type: string }[] };
  expect(events.map(({ type }) => type)).toEqual([
    'renewal_failed',
    'renewal_failed',
    'renewal_started',
    'renewal_started',
  ]);
  const { stdout } = await run(['notify', 'list', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject([
    {
      state: 'waiting',
      receiver: 'audit',
      attempts: 1,
      failure: { code: 'ERR_NOTIFICATIONS_ANSWER' },
    },
  ]);
  expect(stdout).not.toMatch(/t0ken|b3arer/);
});

it('replays a dead letter with its id', async () => {
  await addDue('a.test');
  status = 400;
  await run(['renew']);
  const { stdout } = await run(['notify', 'list']);
  const [id = ''] = /msg_\w+/.exec(stdout) ?? [];
  expect(stdout).toMatch(/^id +state +receiver .*\nmsg_\w+ +dead +audit /);
  expect(stdout).toContain(`${id}  127.0.0.1 has answered 400: answer`);
  status = 200;
  await expect(run(['notify', 'replay', id])).resolves.toMatchObject({
    code: 0,
    stdout: 'replayed: 1\n',
  });
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
  await expect(run(['notify', 'list'])).resolves.toMatchObject({ code: 0, stdout: '' });
  await expect(run(['notify', 'replay'])).resolves.toMatchObject({ code: 2 });
  await expect(run(['notify', 'replay', 'msg_none'])).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no dead letter msg_none'),
  });
});

it('lists, replays and tests the notifications of a tenant of the server', async () => {
  await appendFile(join(folder, 'acmex.toml'), '[tenants.web]\nnames = ["*"]\n');
  await using root = fileStorage({ path: join(folder, 'data') });
  const storage = scopedStorage(root, 'tenant/web');
  // The receiver of the tenant's worker on the server refuses the message.
  const refuse = async () => {
    await Promise.resolve();
    throw new NotificationsError('ERR_NOTIFICATIONS_REFUSED', 'no');
  };
  const receivers = [{ name: 'audit', channel: { kind: 'webhook', send: refuse } } as const];
  const worker = new Notifier({ storage, receivers, tenant: 'web' });
  await storage.write([eventChange({ type: 'renewal_failed', names: ['a.test'] }, systemClock)]);
  await worker.notify();
  await root[Symbol.asyncDispose]();
  await expect(run(['notify', 'list'])).resolves.toMatchObject({ code: 0, stdout: '' });
  const { stdout } = await run(['notify', 'list', '--tenant', 'web', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject([{ state: 'dead', receiver: 'audit' }]);
  await expect(run(['notify', 'replay', '--all'])).resolves.toMatchObject({
    stdout: 'replayed: 0\n',
  });
  expect(receiver.received).toEqual([]);
  await expect(run(['notify', 'replay', '--all', '--tenant', 'web'])).resolves.toMatchObject({
    stdout: 'replayed: 1\n',
  });
  await run(['notify', 'test', '--tenant', 'web']);
  expect(bodies()).toMatchObject([
    { type: 'renewal_failed', data: { tenant: 'web', names: ['a.test'] } },
    { type: 'test', data: { tenant: 'web' } },
  ]);
  await expect(run(['notify', 'list', '--tenant', 'mail'])).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has no tenant "mail": use default or web'),
  });
});

it('notifies a receiver while the daemon runs', async () => {
  await addDue('a.test');
  const stop = new AbortController();
  const running = run(['daemon'], { signal: stop.signal });
  await Promise.race([receiver.until(1), running]);
  stop.abort('SIGTERM');
  await expect(running).resolves.toMatchObject({ code: 0 });
  expect(bodies()[0]).toMatchObject({
    type: expect.stringMatching(/^renewal_(started|failed)$/),
    data: { names: ['a.test'] },
  });
});

/** Adds a heartbeat to the configuration. */
async function addHeartbeat() {
  const file = join(folder, 'acmex.toml');
  const heartbeat = `heartbeat_url = "http://127.0.0.1:${receiver.port}/beat"\nheartbeat_allow_http = true`;
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('[notifications]', `[notifications]\n${heartbeat}`));
}
const beats = () => receiver.received.filter(({ path }) => path === '/beat').length;

it('sends a heartbeat at the end of a renew run in which no certificate has failed', async () => {
  await addHeartbeat();
  await expect(run(['renew'])).resolves.toMatchObject({ code: 0 });
  expect(beats()).toBe(1);
  await run(['renew', '--dry-run']);
  expect(beats()).toBe(1);
  await addDue('a.test');
  await expect(run(['renew'])).resolves.not.toMatchObject({ code: 0 });
  expect(beats()).toBe(1);
});

it('sends heartbeats while the daemon runs, one in each --check-interval, also where the CA is away', async () => {
  await addHeartbeat();
  await addDue('a.test');
  const stop = new AbortController();
  await appendFile(join(folder, 'acmex.toml'), '[renewal]\ncheck_interval = 3600\n');
  const running = run(['daemon', '--check-interval', '1'], { signal: stop.signal });
  while (beats() < 2) await Promise.race([receiver.next(), running]);
  stop.abort('SIGTERM');
  await expect(running).resolves.toMatchObject({ code: 0 });
  expect(beats()).toBeGreaterThanOrEqual(2);
});
