import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { localCertificate, type LocalCertificate } from '@acmex/services';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail that the server has accepted. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly source: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
}

/** Returns an error that the server answers with. */
export function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

/** Starts a real mail server on this machine, which accepts all mail until it has other options. */
export async function mailServer({
  certificate,
  recipient,
  data,
  ...options
}: SMTPServerOptions & {
  readonly certificate?: LocalCertificate;
  /** Returns why a recipient is refused. */
  readonly recipient?: (address: string) => Error | undefined;
  /** Returns why a mail is refused. */
  readonly data?: () => Error | undefined;
} = {}) {
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
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('end', () => {
        const failure = data?.();
        const { mailFrom, rcptTo } = session.envelope;
        if (!failure)
          mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            source: Buffer.concat(chunks).toString('utf8'),
            isSecure: session.secure,
            user: session.user as string | undefined,
          });
        done(failure, 'accepted');
      });
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

/** Starts a server that writes what `talk` writes, and speaks no SMTP. */
export async function rawMailServer(talk: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {
      /* the client has closed it */
    });
    talk(socket);
    server.emit('talked');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** Resolves when the next connection has come. */
    connected: async () => await once(server, 'talked'),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
