import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { SMTPServerOptions } from 'smtp-server';
import { type LocalCertificate, localCertificate } from './local-certificate.ts';

/** A mail that the server has accepted. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it was sent: headers and parts, most of them quoted-printable. */
  readonly source: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
}

export interface MailServerOptions extends SMTPServerOptions {
  /** Of its TLS; a new one by default. */
  readonly certificate?: LocalCertificate;
  /** Returns why a recipient is refused. */
  readonly recipient?: (address: string) => Error | undefined;
  /** Returns why a mail is refused. */
  readonly data?: () => Error | undefined;
}

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly Mail[];
}

/** Returns an error that the server answers with. */
export function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

/** Starts a real mail server on this machine, which accepts all mail until it has other options. */
export async function startMailServer({
  certificate,
  recipient,
  data,
  ...options
}: MailServerOptions = {}): Promise<MailServer> {
  const { SMTPServer } = await import('smtp-server');
  const mails: Mail[] = [];
  const { privateKey, certificate: pem } = certificate ?? (await localCertificate());
  const server = new SMTPServer({
    ...{ authOptional: true, disableReverseLookup: true, logger: false, closeTimeout: 1 },
    ...{ key: privateKey, cert: pem },
    onAuth: ({ username, password }, _session, done) =>
      password === 'c0rrect-h0rse'
        ? done(null, { user: username })
        : done(smtpError(535, `5.7.8 no: ${password ?? ''}`)),
    onRcptTo: ({ address }, _session, done) => done(recipient?.(address)),
    onData: (stream, { envelope: { mailFrom, rcptTo }, secure, user }, done) => {
      const accepted = buffer(stream).then((source) => {
        const failure = data?.();
        if (failure) throw failure;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          source: source.toString('utf8'),
          isSecure: secure,
          user: user as string | undefined,
        });
      });
      accepted.then(() => done(null, 'accepted'), done);
    },
    ...options,
  });
  server.on('error', () => {
    /* a client has closed its connection */
  });
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return {
    mails,
    port: (listening.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
