import { type VirtualClock, virtualClock } from '@acmex/clock';
import { readConfig } from '@acmex/config';
import { type Channel, type Notification, Notifier } from '@acmex/notifications';
import { eventChange, outbox, removeOldEvents } from '@acmex/orchestrator';
import { inProcessQueue } from '@acmex/scheduler';
import { startWebhookReceiver, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateManager, storedEvents, worker } from './index.ts';
import { fromConfig } from './from-config.ts';

async function notifierOf(toml: string, tenant?: string): Promise<Notifier> {
  await using folder = await temporaryFolder('notifier');
  const file = join(folder.path, 'acmex.toml');
  await writeFile(file, toml, { mode: 0o600 });
  const options = { cwd: folder.path, home: folder.path, environment: {}, file };
  const config = await readConfig(options);
  return fromConfig(config, { storage: memoryStorage(), environment: {}, tenant }).notifier;
}
const webhook = (name: string, more = '') =>
  `[[notifications.webhooks]]\nname = "${name}"\nurl = "https://hooks.example/t0ken"\n${more}\n`;
const mail = (more = '') =>
  `[[notifications.email]]\nsmtp_host = "mail.example.com"\nfrom = "acmex@example.com"\nto = ["ops@example.com"]\n${more}\n`;

it('has a receiver for each e-mail, beside the webhooks, with the same filters', async () => {
  const tenants = '[tenants.web]\nnames = ["*"]\n[tenants.mail]\nnames = ["*"]\n';
  const toml = `${tenants}${webhook('email')}${mail()}${mail('name = "on-call"\ntls = "implicit"\ntenants = ["web"]\nnames = ["*.test"]\nlabels = { team = "web" }')}`;
  expect((await notifierOf(toml, 'web')).receivers).toEqual(['email', 'email-2', 'on-call']);
  expect((await notifierOf(toml, 'mail')).receivers).toEqual(['email', 'email-2']);
});

it('has a receiver for each webhook, also where two of them have the same name', async () => {
  const { receivers } = await notifierOf(webhook('chat') + webhook('audit') + webhook('chat'));
  expect(receivers).toEqual(['chat', 'audit', 'chat-2']);
});

it('notifies a receiver of the tenants that it names, and of all where it names none', async () => {
  const toml = `[tenants.web]\nnames = ["*"]\n[tenants.mail]\nnames = ["*"]\n${webhook('all')}${webhook('web', 'tenants = ["web"]')}`;
  expect((await notifierOf(toml, 'web')).receivers).toEqual(['all', 'web']);
  expect((await notifierOf(toml, 'mail')).receivers).toEqual(['all']);
});

it.each([
  [
    webhook('chat', 'tenants = ["web"]'),
    /notifications\.webhooks\[0\]\.tenants\[0\] is not defined/,
  ],
  [mail('tenants = ["web"]'), /notifications\.email\[0\]\.tenants\[0\] is not defined/],
  [
    webhook('chat', 'format = "telegram"'),
    /notifications\.webhooks\[0\]\.chat_id is missing: write the id of the chat/,
  ],
  [
    webhook('chat', 'format = "gotify"'),
    /notifications\.webhooks\[0\]\.auth_token is missing: write the token/,
  ],
  [
    webhook('chat', 'format = "pagerduty"\nauth_token = "${T:-t}"'),
    /notifications\.webhooks\[0\]\.events is missing: name the events/,
  ],
  [mail('tls = "none"'), /notifications\.email\[0\]\.tls .*smtp_host must be localhost/],
  [mail('username = "acmex"'), /write username and password, or neither/],
  [webhook('chat', 'format = "custom"\ntemplate = "{{secret}}"'), /unknown place \{\{secret\}\}/],
  [`[notifications]\nallow = ["loopback"]\n${webhook('chat')}`, /write an address or a range/],
  [
    `[notifications]\nallow = ["0.0.0.0/0"]\n${webhook('chat')}`,
    /notifications\.allow\[0\] does not fit/,
  ],
])('refuses a configuration that cannot be obeyed', async (toml, problem) => {
  await expect(notifierOf(toml)).rejects.toThrow(problem);
});

it('reads the receivers of a configuration from before they were obeyed', async () => {
  const { receivers } = await notifierOf(
    webhook(
      'chat',
      'events = ["renewal_failed"]\nformat = "custom"\nauth_token = "${T:-t}"\ntimeout_secs = 5',
    ),
  );
  expect(receivers).toEqual(['chat']);
});

it('sends to each format what its keys say', async () => {
  await using receiver = await startWebhookReceiver();
  const to = (name: string, more: string) =>
    `[[notifications.webhooks]]\nname = "${name}"\nurl = "${receiver.url}"\nallow_http = true\nformat = "${name}"\nauth_token = "\${T:-t0ken}"\n${more}\n`;
  const notifier = await notifierOf(
    `[notifications]\nallow = ["127.0.0.0/8"]\n${to('telegram', 'chat_id = "-100"')}${to('ntfy', '')}${to('gotify', '')}${to('pagerduty', 'events = ["renewal_late"]')}`,
  );
  for (const name of notifier.receivers) await notifier.test(name);
  const [telegram, ntfy, gotify, pagerduty] = receiver.received;
  expect(JSON.parse(telegram?.body ?? '')).toMatchObject({ chat_id: '-100' });
  expect(ntfy?.headers).toMatchObject({ authorization: 'Bearer t0ken', 'x-priority': '2' });
  expect(gotify?.headers).toMatchObject({ 'x-gotify-key': 't0ken' });
  expect(gotify?.headers).not.toHaveProperty('authorization');
  expect(pagerduty?.headers).not.toHaveProperty('authorization');
  expect(JSON.parse(pagerduty?.body ?? '')).toMatchObject({ routing_key: 't0ken' });
});

/** A manager with a receiver that keeps what it gets. */
function notifyingManager(storage: Storage, clock: VirtualClock, tenant: string) {
  const sent: Notification[] = [];
  const channel: Channel = {
    kind: 'webhook',
    async send(notification) {
      await clock.sleep({ milliseconds: 100 });
      sent.push(notification);
      return { status: 204, answer: '' };
    },
  };
  const receivers = [{ name: 'chat', channel }];
  const notifier = new Notifier({ storage, receivers, tenant, clock });
  return { sent, manager: certificateManager({ storage, clock, notifier }) };
}

it('sends the notifications of each tenant once, also where several workers share the storage', async () => {
  const clock = virtualClock();
  const storages = { web: memoryStorage(), mail: memoryStorage() };
  const errors: unknown[] = [];
  const teams = [1, 2].map(() => {
    const [web, mail] = [
      notifyingManager(storages.web, clock, 'web'),
      notifyingManager(storages.mail, clock, 'mail'),
    ];
    const running = worker({
      managers: () =>
        new Map([
          ['', web.manager],
          ['mail', mail.manager],
        ]),
      queue: inProcessQueue({ clock }),
      concurrency: 1,
      clock,
      onError: (_, error) => errors.push(error),
    });
    return { running, web: web.sent, mail: mail.sent };
  });
  await clock.advance({ seconds: 1 });
  for (const [tenant, storage] of Object.entries(storages))
    await storage.write([
      eventChange({ type: 'renewal_failed', names: [`${tenant}.test`] }, clock),
    ]);
  await clock.advance({ seconds: 30 });
  const sent = teams.flatMap(({ web, mail }) => [...web, ...mail]);
  expect(sent.map(({ tenant, title }) => `${tenant}: ${title}`).sort()).toEqual([
    'mail: renewal failed: mail.test',
    'web: renewal failed: web.test',
  ]);
  const stopped = Promise.all(
    teams.map(async ({ running }) => await running.stop({ within: { seconds: 1 } })),
  );
  await clock.run(stopped);
  expect(errors).toEqual([]);
});

it('keeps old events for receivers that have not been notified, and not where there are none any more', async () => {
  const clock = virtualClock();
  const storage = memoryStorage();
  const before = notifyingManager(storage, clock, 'web').manager;
  await before.notifier?.notify();
  await storage.write([eventChange({ type: 'renewal_failed', names: ['a.test'] }, clock)]);
  await clock.advance({ hours: 91 * 24 });
  const isEmpty = async () => (await outbox(storage).list()[Symbol.asyncIterator]().next()).done;
  await removeOldEvents(storedEvents(before), { clock });
  await expect(isEmpty()).resolves.toBe(false);
  const notifier = new Notifier({ storage, receivers: [], clock });
  const after = certificateManager({ storage, clock, notifier });
  await removeOldEvents(storedEvents(after), { clock });
  await expect(isEmpty()).resolves.toBe(true);
});
