import { errorCode, errorText, printable } from '@acmex/errors';
import { ProbeError } from './errors.ts';
import type { StartTlsProtocol } from './starttls.ts';
import type { Wire } from './wire.ts';

interface Target {
  readonly host: string;
  readonly port: number;
  readonly startTls?: StartTlsProtocol | undefined;
}

/** Returns how a message names a target: `mail.example.com port 25`. */
export function targetName({ host, port }: Target): string {
  return `${printable(host, 255)} port ${port}`;
}

/** Returns the error of a probe for a connection that was not made. */
export function connectFailure(error: unknown, target: Target): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  const name = targetName(target);
  switch (errorCode(error)) {
    case 'ERR_EGRESS_RESOLVE':
      return new ProbeError('ERR_PROBE_RESOLVE', errorText(error), { cause: error });
    case 'ERR_EGRESS_ADDRESS':
      return new ProbeError('ERR_PROBE_ADDRESS', errorText(error), { cause: error });
    case 'ERR_EGRESS_TIME':
      return timeout(name, error);
    case 'ERR_EGRESS_CONNECT':
      if (errorCode(cause) === 'ERR_EGRESS_TIME') return timeout(name, error);
      if (errorCode(cause) === 'ECONNREFUSED')
        return new ProbeError(
          'ERR_PROBE_REFUSED',
          `${name} refuses the connection: nothing listens there; start the server, or use its port`,
          { cause: error },
        );
      return new ProbeError(
        'ERR_PROBE_UNREACHABLE',
        `${name} cannot be reached (${errorCode(cause) ?? 'no code'}); check the route and the firewalls between`,
        { cause: error },
      );
    default:
      return error;
  }
}

function timeout(name: string, cause: unknown): ProbeError {
  return new ProbeError(
    'ERR_PROBE_TIME',
    `${name}: no connection in time; check the server and the firewalls between`,
    { cause },
  );
}

/** Returns the error of a probe for a connection on which no handshake was completed. */
export function handshakeFailure(error: unknown, wire: Wire, target: Target): ProbeError {
  const name = targetName(target);
  const limit = [error, wire.errored].find((candidate) => candidate instanceof ProbeError);
  const received = wire.received();
  const spoken = protocolOf(received);
  if (limit?.code === 'ERR_PROBE_STARTTLS' && spoken && spoken !== target.startTls)
    return new ProbeError(
      limit.code,
      `${name} does not speak ${target.startTls} but ${spoken}: use STARTTLS for ${spoken}`,
      { cause: limit },
    );
  if (limit) return new ProbeError(limit.code, `${name}: ${limit.message}`, { cause: limit });
  if (received.length > 0 && !isTls(received)) return noTls(received, target, error);
  if (errorCode(error) === 'ERR_SSL_EXCESSIVE_MESSAGE_SIZE')
    return new ProbeError(
      'ERR_PROBE_TOO_LARGE',
      `${name}: the server sent a chain of more than 100 KiB; check the chain that it is configured with`,
      { cause: error },
    );
  if (errorCode(error) === 'ECONNRESET' || errorCode(error) === 'EPIPE')
    return new ProbeError(
      'ERR_PROBE_CLOSED',
      `${name} closed the connection before the handshake was complete; check its log, and that it speaks TLS there${target.startTls ? '' : ' without STARTTLS (PostgreSQL and LDAP need it)'}`,
      { cause: error },
    );
  return new ProbeError(
    'ERR_PROBE_HANDSHAKE',
    `${name}: the TLS handshake failed (${reason(error)}); check that the server has a certificate for the name, and permits TLS 1.2 or 1.3`,
    { cause: error },
  );
}

/** Returns whether bytes begin with a record of a handshake or an alert. RFC 8446 §5.1 */
function isTls(received: Buffer): boolean {
  return (received[0] === 0x15 || received[0] === 0x16) && (received[1] ?? 3) === 3;
}

/** What a server says first, by the protocol that it speaks. */
const greetings = [
  [/^220[ -].*(?:smtp|mail)/i, 'smtp'],
  [/^\* OK/i, 'imap'],
  [/^\+OK/, 'pop3'],
  [/^.\0\0\0\n/s, 'mysql'],
] as const;

/** Returns the protocol with STARTTLS whose greeting was received; undefined for any other text. */
function protocolOf(received: Buffer): StartTlsProtocol | undefined {
  const text = received.toString('latin1');
  return greetings.find(([pattern]) => pattern.test(text))?.[1];
}

function noTls(received: Buffer, target: Target, cause: unknown): ProbeError {
  const text = received.toString('latin1');
  const protocol = protocolOf(received);
  const cure = protocol
    ? `it speaks ${protocol}: use STARTTLS for ${protocol}`
    : 'use its TLS port, or STARTTLS with its protocol';
  return new ProbeError(
    'ERR_PROBE_TLS',
    `${targetName(target)} does not answer with TLS but with "${printable(text.trim(), 60)}"; ${cure}`,
    { cause },
  );
}

/** OpenSSL's reason, as `tlsv1 alert protocol version`. */
function reason(error: unknown): string {
  const { reason: stated } = Object(error) as { readonly reason?: unknown };
  return printable(typeof stated === 'string' ? stated : errorText(error), 200);
}
