import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { addressPolicy, egressConnect, type Resolve } from '@acmex/egress';
import { errorCode, printable } from '@acmex/errors';
import { isLoopback } from '@acmex/identifier';
import { Buffer } from 'node:buffer';
import { rootCertificates } from 'node:tls';
import { domainToASCII } from 'node:url';
import { answerText } from './answer-text.ts';
import type { Channel, Receipt } from './channel.ts';
import { NotificationsError } from './errors.ts';
import { mailFor } from './mail.ts';
import type { Notification } from './notification.ts';

/**
 * `implicit`: TLS from the first byte. `starttls`: the server must offer STARTTLS, nothing else is
 * sent before it. `none`: no TLS, which only a server on this machine may have.
 */
export type MailTls = 'implicit' | 'starttls' | 'none';

export interface EmailOptions {
  /** The mail server: a name, which its certificate must have, or an address. */
  readonly host: string;
  readonly port: number;
  /** `implicit` for port 465, `starttls` for any other, by default. */
  readonly tls?: MailTls | undefined;
  /** Without it, there is no login. The password is read for each mail. */
  readonly login?:
    { readonly username: string; readonly password: () => Promise<string> } | undefined;
  /** The address of the sender. */
  readonly from: string;
  /** The addresses of the recipients. */
  readonly to: readonly string[];
  /** From the look-up to the answer; 30 seconds by default. */
  readonly limit?: DurationInput | undefined;
  /** Special address ranges that the mail server may have; public addresses by default. */
  readonly allow?: readonly string[] | undefined;
  /** Further root certificates, PEM. */
  readonly ca?: readonly string[] | undefined;
  readonly resolver?: Resolve | undefined;
  readonly clock?: Clock | undefined;
}

/** At most this much of an answer of the mail server is shown, in UTF-16 code units. */
const longestAnswer = 300;
/** A longer answer ends the connection, in bytes. */
const largestAnswer = 64 * 1024;
/** The time limit of the channel ends each phase, none of the library's. */
const unlimitedMs = 24 * 3_600_000;
/** The mail itself is refused; what else is refused can be corrected while the mail waits. */
const mailCommands: ReadonlySet<string | undefined> = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);
/** RFC 4954 §6: the server wants a login, or a different one. */
const loginCodes: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/**
 * Returns a channel that sends notifications as mail. A notification that is sent again has the same
 * Message-ID, date and text; recipients that have accepted it do not get it again. The connection
 * goes only to addresses that are permitted, and the certificate of the server is verified.
 * @throws EgressError `ERR_EGRESS_POLICY` for ranges that cannot be allowed
 */
export function email(options: EmailOptions): Channel {
  const { host, allow = [], limit = 'PT30S', clock = systemClock } = options;
  const to = [...new Set(options.to.map(canonicalAddress))];
  const policy = addressPolicy({ allow });
  return {
    kind: 'email',
    async send(notification, { signal, acceptedBy = [] } = {}) {
      const missing = to.filter((address) => !acceptedBy.includes(address));
      if (missing.length === 0) return { status: 250, answer: 'every recipient has accepted it' };
      try {
        return await withTimeLimit({ clock, limit, signal }, async (timed) => {
          const reached = { ...options, to, clock, limit, policy, signal: timed };
          return await deliver(notification, missing, reached);
        });
      } catch (error) {
        signal?.throwIfAborted();
        if (errorCode(error) !== 'ERR_TIME_LIMIT') throw error;
        throw new NotificationsError(
          'ERR_NOTIFICATIONS_ANSWER',
          `${host} did not accept the mail within the time limit; check the mail server`,
        );
      }
    },
  };
}

/** Returns an address with its domain as mail servers know it. RFC 5891 */
function canonicalAddress(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  return address.slice(0, at) + (domainToASCII(address.slice(at)) || address.slice(at));
}

type Reached = EmailOptions & {
  readonly clock: Clock;
  readonly limit: DurationInput;
  readonly policy: ReturnType<typeof addressPolicy>;
  readonly signal: AbortSignal;
};

async function deliver(
  notification: Notification,
  missing: readonly string[],
  options: Reached,
): Promise<Receipt> {
  const { host, port, login, tls = port === 465 ? 'implicit' : 'starttls', signal } = options;
  const { policy, resolver, clock, limit } = options;
  const password = await login?.password();
  using connection = await egressConnect({
    ...{ host, port, policy, clock, limit, signal },
    ...(resolver ? { resolver } : {}),
  });
  if (tls === 'none') assertLoopback(host, connection.address);
  // It is large, and few commands send mail.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    ...{ host, port, connection: connection.socket },
    ...{ secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
    tls: { rejectUnauthorized: true, ...trust(options.ca) },
    ...(login ? { auth: { user: login.username, pass: password }, forceAuth: true } : {}),
    maxResponseSize: largestAnswer,
    connectionTimeout: unlimitedMs,
    greetingTimeout: unlimitedMs,
    socketTimeout: unlimitedMs,
  });
  const secrets = login ? secretsOf(login.username, password ?? '') : [];
  const text = (answer = '') => answerText(answer, { secrets, limit: longestAnswer });
  try {
    const { from, to } = options;
    const envelope = { from, to: [...missing] };
    const sent = await transport.sendMail({
      ...mailFor(notification, { from, to }),
      envelope,
      signal,
    });
    if (sent.rejected.length > 0) throw refusedRecipients(host, sent, { to: missing, text });
    return { status: Number.parseInt(sent.response, 10), answer: text(sent.response) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NotificationsError) throw error;
    throw failureOf(host, error as MailFailure, text);
  }
}

/** @throws NotificationsError `ERR_NOTIFICATIONS_TLS` */
function assertLoopback(host: string, address: string): void {
  if (isLoopback(address)) return;
  throw new NotificationsError(
    'ERR_NOTIFICATIONS_TLS',
    `${host} is at ${address}, which is not this machine, and tls = "none": use "starttls" or "implicit"`,
  );
}

function trust(ca: readonly string[] = []) {
  return ca.length === 0 ? {} : { ca: [...rootCertificates, ...ca] };
}

/** Returns each form in which SASL sends a password: PLAIN, LOGIN. */
function secretsOf(username: string, password: string): readonly string[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return [password, base64(password), base64(`\u0000${username}\u0000${password}`)];
}

/** What an error of the library has, with the answer of the server where there is one. */
interface MailFailure extends Error {
  readonly code?: string;
  /** The code of the system or of TLS. */
  readonly originalCode?: string;
  readonly command?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly MailFailure[];
}

type AnswerText = (answer?: string) => string;

/** Returns the error for a mail that some recipients have accepted. */
function refusedRecipients(
  host: string,
  {
    rejected,
    rejectedErrors = [],
  }: {
    readonly rejected: readonly unknown[];
    readonly rejectedErrors?: readonly MailFailure[] | undefined;
  },
  { to, text }: { readonly to: readonly string[]; readonly text: AnswerText },
): NotificationsError {
  const acceptedBy = to.filter((address) => !rejected.includes(address));
  return recipientFailure(host, rejectedErrors, { text, acceptedBy });
}

function recipientFailure(
  host: string,
  failures: readonly MailFailure[],
  { text, acceptedBy }: { readonly text: AnswerText; readonly acceptedBy?: readonly string[] },
): NotificationsError {
  const causes = failures.map(
    ({ recipient = '', response }) => `${printable(recipient, 100)}: ${text(response)}`,
  );
  const first = causes.slice(0, 3).join('; ');
  const more = causes.length > 3 ? `; and ${causes.length - 3} more` : '';
  const isFinal = failures.every(isFinalAnswer);
  return new NotificationsError(
    isFinal ? 'ERR_NOTIFICATIONS_REFUSED' : 'ERR_NOTIFICATIONS_ANSWER',
    `${host} does not accept the mail for ${first}${more}; check the addresses`,
    { acceptedBy },
  );
}

/** Returns whether the server would never accept the mail. RFC 5321 §4.2.1 */
function isFinalAnswer({ command, responseCode = 0 }: MailFailure): boolean {
  return mailCommands.has(command) && responseCode >= 500 && !loginCodes.has(responseCode);
}

/** Returns the command that was answered; a connection is answered with a greeting. */
function stageOf(command = 'CONN'): string {
  return command === 'CONN' ? 'greeting' : command;
}

/** The causes are not kept: they hold what the server answered as it was. */
function failureOf(host: string, error: MailFailure, text: AnswerText): NotificationsError {
  const { code, command, originalCode, response, responseCode, rejectedErrors = [] } = error;
  if (rejectedErrors.length > 0) return recipientFailure(host, rejectedErrors, { text });
  const refusal = (cause: string) =>
    new NotificationsError(
      isFinalAnswer(error) ? 'ERR_NOTIFICATIONS_REFUSED' : 'ERR_NOTIFICATIONS_ANSWER',
      `${host} ${cause}`,
    );
  const answer = text(response);
  if (code === 'EAUTH' || loginCodes.has(responseCode ?? 0))
    return refusal(`does not accept the login: ${answer}; check username and password`);
  if (code === 'ETLS' && command === 'STARTTLS')
    return refusal(`offers no STARTTLS: ${answer}; use tls = "implicit" and its port`);
  if (responseCode !== undefined)
    return refusal(`does not accept the mail (${stageOf(command)}): ${answer}`);
  const cause = originalCode ?? errorCode(error.cause) ?? code ?? 'no code';
  return refusal(
    `did not accept the mail (${cause}): check host, port and tls, and the certificate of the server against network.ca_certificates`,
  );
}
