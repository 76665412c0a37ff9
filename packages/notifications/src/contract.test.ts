import {
  localCertificate,
  smtpError,
  startMailServer,
  startWebhookReceiver,
} from '@acmex/services';
import { describe, it } from '@jest/globals';
import { channelContract, type ChannelSubject, type Decision } from './contract.ts';
import { email, webhook, webhookFormats } from './index.ts';

const statuses = { deliver: 200, retry: 503, refuse: 422 } as const;

async function webhookSubject(): Promise<ChannelSubject & AsyncDisposable> {
  const to = await startWebhookReceiver();
  const accepted: string[] = [];
  const { pathname } = new URL(to.url);
  return {
    channel: webhook({
      url: async () => to.url,
      token: async () => 't0p-s3cret',
      format: webhookFormats.mattermost(),
      allow: ['127.0.0.0/8'],
      schemes: 'http-and-https',
    }),
    decide: (decision, answer) => {
      to.answer = (response) => {
        const text = to.received.at(-1)?.body ?? '{}';
        if (decision === 'deliver') accepted.push(JSON.parse(text).text);
        response.writeHead(statuses[decision]).end(answer);
      };
    },
    received: () => accepted,
    secrets: ['t0p-s3cret', to.url, pathname, 't0ken-in-url'],
    mostBytes: 4 * 16_383,
    effects: ['@all', '<!channel>', '**b**', '[a](b)', '~town', '#tag', 'https://evil.example'],
    [Symbol.asyncDispose]: async () => await to[Symbol.asyncDispose](),
  };
}

async function mailSubject(): Promise<ChannelSubject & AsyncDisposable> {
  const certificate = await localCertificate();
  let [decided, text]: [Decision, string] = ['deliver', ''];
  const codes = { deliver: undefined, retry: 451, refuse: 550 };
  const to = await startMailServer({
    certificate,
    data: () => {
      const code = codes[decided];
      return code === undefined ? undefined : smtpError(code, text);
    },
  });
  const password = 'c0rrect-h0rse';
  return {
    channel: email({
      ...{ host: 'localhost', port: to.port, ca: [certificate.caCertificate] },
      ...{ allow: ['127.0.0.0/8'], resolver: async () => ['127.0.0.1'] },
      ...{ from: 'acmex@example.com', to: ['ops@example.com'] },
      login: { username: 'acmex', password: async () => password },
    }),
    decide: (decision, answer) => {
      [decided, text] = [decision, answer];
    },
    // The part in which markup would have an effect.
    received: () => to.mails.map(({ source }) => source.slice(source.indexOf('text/html'))),
    secrets: [password, Buffer.from(password).toString('base64')],
    mostBytes: 10 * 1024 * 1024,
    effects: ['<script>', '<img src=x>', '\r\nBcc: all@evil.example'],
    [Symbol.asyncDispose]: async () => await to[Symbol.asyncDispose](),
  };
}

describe.each([
  ['webhook', webhookSubject],
  ['e-mail', mailSubject],
])('%s', (_, open) => {
  it.each(channelContract)('$title', async ({ check }) => {
    await using subject = await open();
    await check(subject);
  });
});
