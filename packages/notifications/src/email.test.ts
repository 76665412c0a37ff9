import { virtualClock } from '@acmex/clock';
import {
  localCertificate,
  type LocalCertificate,
  smtpError,
  startMailServer,
} from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { eventChange } from '@acmex/orchestrator';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { email, type EmailOptions, Notifier } from './index.ts';
import { eventNotification } from './notification.ts';
import { rawMailServer } from './raw-mail-server.testing.ts';

const notification = eventNotification({
  id: 'evt_01kax2b0000000000000000001',
  type: 'renewal_failed',
  time: '2026-11-28T10:00:00Z',
  certificate: 'crt_1',
  names: ['bücher.example'],
  message: '</li><script>alert(1)</script> "q"\r\nBcc: all@evil.example\u001b[31m',
});
let certificate: LocalCertificate;
beforeAll(async () => {
  certificate = await localCertificate();
});

/** Returns a channel to a mail server on this machine, which must be allowed. */
function local({ port }: { readonly port: number }, options: Partial<EmailOptions> = {}) {
  return email({
    ...{ host: 'localhost', port, allow: ['127.0.0.0/8'], ca: [certificate.caCertificate] },
    resolver: async () => ['127.0.0.1'],
    from: 'acmex@example.com',
    to: ['ops@example.com'],
    ...options,
  });
}
const login = { username: 'acmex', password: async () => 'c0rrect-h0rse' };
const failureOf = async (sending: Promise<unknown>) =>
  await sending.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

describe('an e-mail', () => {
  it.each([
    ['TLS', { secure: true }, 'implicit'],
    ['STARTTLS', { secure: false }, 'starttls'],
  ] as const)('is sent by %s with a login', async (_, server, tls) => {
    await using to = await startMailServer({ certificate, ...server });
    const receipt = await local(to, { tls, login }).send(notification);
    expect(receipt).toEqual({ status: 250, answer: '250 accepted' });
    expect(to.mails).toMatchObject([
      { from: 'acmex@example.com', to: ['ops@example.com'], isSecure: true, user: 'acmex' },
    ]);
  });

  it('has text and HTML, in which text of a server has no effect, and the headers of an automatic mail', async () => {
    await using to = await startMailServer({ certificate });
    await local(to).send(notification);
    const source = to.mails[0]?.source ?? '';
    const [head = '', ...body] = source.split('\r\n\r\n');
    expect(head).toContain('From: AcmeX <acmex@example.com>');
    expect(head).toContain('Message-ID: <msg_01kax2b0000000000000000001@example.com>');
    expect(head).toContain('Date: Sat, 28 Nov 2026 10:00:00 +0000');
    expect(head).toContain('Auto-Submitted: auto-generated');
    expect(head).not.toMatch(/^Bcc:/im);
    const decoded = body.join('\n\n').replaceAll('=\r\n', '').replaceAll('=3D', '=');
    expect(decoded).not.toMatch(/^Bcc:/m);
    expect(decoded).not.toContain('\u001b');
    const [, plain = '', html = ''] = decoded.split('Content-Type: ');
    expect(plain).toContain(String.raw`<script>alert(1)</script> "q"\u{d}\u{a}Bcc: all@evil`);
    expect(html).toContain('&#60;script&#62;alert(1)&#60;/script&#62; &#34;q&#34;');
    expect(html).not.toContain('<script');
  });

  it('is the same mail when it is sent again', async () => {
    await using to = await startMailServer({ certificate });
    await local(to).send(notification);
    await local(to).send(notification);
    const [first, second] = to.mails;
    expect(second?.source).toBe(first?.source);
  });

  it('is not sent, and no password with it, to a server whose certificate is not trusted', async () => {
    await using to = await startMailServer({ certificate, secure: true });
    await using startTls = await startMailServer({ certificate });
    for (const [server, tls] of [
      [to, 'implicit'],
      [startTls, 'starttls'],
    ] as const) {
      const failure = await failureOf(local(server, { tls, login, ca: [] }).send(notification));
      expect(failure).toMatchObject({
        code: 'ERR_NOTIFICATIONS_ANSWER',
        message: expect.stringMatching(
          /UNABLE_TO_(GET_ISSUER|VERIFY)\w+.*network\.ca_certificates/,
        ),
      });
      const host = { host: 'mail.example', ca: [certificate.caCertificate] };
      await expect(local(server, { tls, login, ...host }).send(notification)).rejects.toMatchObject(
        {
          message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
        },
      );
    }
    expect([...to.mails, ...startTls.mails]).toEqual([]);
  });

  it('is not sent where STARTTLS was stripped from the answer of the server', async () => {
    await using to = await startMailServer({
      certificate,
      hideSTARTTLS: true,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
    });
    await expect(local(to, { login }).send(notification)).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_ANSWER',
      message: expect.stringContaining('localhost offers no STARTTLS: 5'),
    });
    expect(to.mails).toEqual([]);
  });

  it('is sent without TLS only to this machine', async () => {
    await using to = await startMailServer({ certificate, hideSTARTTLS: true });
    await local(to, { tls: 'none' }).send(notification);
    expect(to.mails).toMatchObject([{ isSecure: false }]);
    // Linux connects 0.0.0.0 to this machine, so that the server would accept the mail.
    const outside = { resolver: async () => ['0.0.0.0'], allow: ['0.0.0.0/8'] };
    await expect(local(to, { tls: 'none', ...outside }).send(notification)).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_TLS',
    });
    expect(to.mails).toHaveLength(1);
  });

  it('is not sent to a private address unless it is allowed', async () => {
    await using to = await startMailServer({ certificate });
    for (const address of ['127.0.0.1', '::1', '10.0.0.1', '169.254.169.254', '::ffff:127.0.0.1'])
      await expect(
        local(to, { allow: [], resolver: async () => [address] }).send(notification),
      ).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
    expect(to.mails).toEqual([]);
  });

  it('waits where the login is refused, and its error has no password in any form', async () => {
    await using to = await startMailServer({ certificate });
    const password = 'wr0ng-passw0rd';
    for (const answer of [password, Buffer.from(password).toString('base64')]) {
      await using echo = await rawMailServer((socket) => {
        socket.write('220 mail\r\n');
        socket.on('data', (line) => {
          socket.write(
            `${line}`.startsWith('EHLO')
              ? '250-mail\r\n250 AUTH PLAIN\r\n'
              : `535 no: ${answer} ${line}`,
          );
        });
      });
      for (const server of [to, echo]) {
        const options = { login: { username: 'acmex', password: async () => password } };
        const tls = server === echo ? 'none' : 'starttls';
        const failure = await failureOf(local(server, { ...options, tls }).send(notification));
        expect(failure).toMatchObject({
          code: 'ERR_NOTIFICATIONS_ANSWER',
          message: expect.stringMatching(
            /does not accept the login: 535.*\[secret\].*check username/,
          ),
        });
        const encoded = Buffer.from(`\u0000acmex\u0000${password}`).toString('base64');
        const text = inspect(failure, { depth: 9, showHidden: true });
        for (const secret of [password, Buffer.from(password).toString('base64'), encoded])
          expect(text).not.toContain(secret);
      }
    }
  });

  it.each([
    [450, 'ERR_NOTIFICATIONS_ANSWER'],
    [452, 'ERR_NOTIFICATIONS_ANSWER'],
    [550, 'ERR_NOTIFICATIONS_REFUSED'],
    [552, 'ERR_NOTIFICATIONS_REFUSED'],
    [554, 'ERR_NOTIFICATIONS_REFUSED'],
  ])('answered with %i fails with %s', async (status, code) => {
    const answer = smtpError(status, 'no\u001b[31m <script>');
    await using byRecipient = await startMailServer({ certificate, recipient: () => answer });
    await using byMail = await startMailServer({ certificate, data: () => answer });
    await using bySender = await startMailServer({
      certificate,
      onMailFrom: (_, __, done) => done(answer),
    });
    for (const server of [byRecipient, byMail, bySender]) {
      const failure = await failureOf(local(server).send(notification));
      expect(failure).toMatchObject({ code });
      expect(failure?.message).toContain(`${status} `);
      expect(failure?.message).not.toContain('\u001b');
    }
  });

  it('waits where the server wants a login that the receiver does not have', async () => {
    await using to = await startMailServer({ certificate, authOptional: false });
    await expect(local(to).send(notification)).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_ANSWER',
      message: expect.stringContaining('530'),
    });
  });

  it('ends with its time limit where the server hangs, and with the signal of the caller', async () => {
    for (const greeting of ['', '220 mail\r\n', '220-']) {
      await using to = await rawMailServer((socket) => socket.write(greeting));
      const clock = virtualClock();
      const channel = local(to, { clock, limit: { seconds: 20 } });
      const hanging = failureOf(channel.send(notification));
      await to.connected();
      await clock.advance({ seconds: 20 });
      await expect(hanging).resolves.toMatchObject({
        code: 'ERR_NOTIFICATIONS_ANSWER',
        message: expect.stringContaining('within the time limit'),
      });
      const stop = new AbortController();
      const ended = failureOf(channel.send(notification, { signal: stop.signal }));
      await to.connected();
      const reason = new Error('stopped');
      stop.abort(reason);
      await expect(ended).resolves.toBe(reason);
    }
  });

  it('reads no endless answer, and quotes the beginning of a long one', async () => {
    // It waits then: without a limit, the answer would not end.
    await using endless = await rawMailServer((socket) => socket.write('2'.repeat(100_000)));
    await expect(local(endless).send(notification)).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_ANSWER',
      message: expect.stringContaining('did not accept the mail (EPROTOCOL)'),
    });
    await using long = await rawMailServer((socket) =>
      socket.write(`554 ${'x'.repeat(10_000)}\r\n`),
    );
    const failure = await failureOf(local(long).send(notification));
    expect(failure?.message).toMatch(/does not accept the mail \(greeting\): 554 xxx.*…/);
    expect(failure?.message.length).toBeLessThan(500);
  });

  it('goes again only to the recipients that have not accepted it, also from a different process', async () => {
    const refusals = new Map([
      ['full@example.com', smtpError(452, '4.2.2 full')],
      ['gone@example.com', smtpError(550, '5.1.1 gone')],
    ]);
    await using to = await startMailServer({
      certificate,
      recipient: (address) => refusals.get(address),
    });
    const clock = virtualClock();
    const storage = memoryStorage();
    const addresses = ['ops@example.com', 'full@example.com', 'gone@example.com'];
    const notifier = () =>
      new Notifier({
        ...{ storage, clock, random: () => 0.5 },
        receivers: [{ name: 'mail', channel: local(to, { to: addresses }) }],
      });
    await notifier().notify();
    await storage.write([eventChange({ type: 'renewal_failed', names: ['a.test'] }, clock)]);
    await notifier().notify();
    expect(to.mails.map((mail) => mail.to)).toEqual([['ops@example.com']]);
    refusals.delete('full@example.com');
    await clock.advance({ minutes: 1 });
    await notifier().notify();
    expect(to.mails.map((mail) => mail.to)).toEqual([['ops@example.com'], ['full@example.com']]);
    await clock.advance({ minutes: 5 });
    await notifier().notify();
    const deliveries = [];
    for await (const delivery of notifier().deliveries()) deliveries.push(delivery);
    expect(deliveries).toMatchObject([
      {
        state: 'dead',
        acceptedBy: ['ops@example.com', 'full@example.com'],
        failure: {
          code: 'ERR_NOTIFICATIONS_REFUSED',
          message: expect.stringContaining('gone@example.com: 550 5.1.1 gone'),
        },
      },
    ]);
    refusals.clear();
    await notifier().replay();
    await notifier().notify();
    expect(to.mails.map((mail) => mail.to).at(-1)).toEqual(['gone@example.com']);
    expect(new Set(to.mails.map(({ source }) => source)).size).toBe(1);
  });
});
