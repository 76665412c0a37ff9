import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6, type Socket } from 'node:net';
import { type Clock, systemClock } from '@acmex/clock';
import type { SyslogServer } from '@acmex/config';
import { egressConnect, secured, systemResolver } from '@acmex/egress';
import { anyAddress } from '@acmex/probe';

export interface SyslogOptions extends SyslogServer {
  /** The HOSTNAME of messages. RFC 5424 §6.2.4 */
  readonly hostname: string;
  /** Further root certificates, PEM. */
  readonly ca?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/** Facility 13, log audit, and severity 5, notice. RFC 5424 §6.2.1 */
const priority = 13 * 8 + 5;

/**
 * Returns a function that sends one message to a syslog server: RFC 5424 over TLS (RFC 5425), over
 * TCP with octet counting (RFC 6587 §3.4.1) or over UDP (RFC 5426). Syslog has no acknowledgement:
 * over TLS and TCP, a message counts as sent when the server has closed the connection after it
 * without an error; over UDP, when it was handed to the network.
 */
export function syslogSender(
  options: SyslogOptions,
): (
  message: { readonly id: string; readonly text: string },
  options: { readonly signal: AbortSignal },
) => Promise<void> {
  const { transport, hostname, clock = systemClock } = options;
  return async ({ id, text }, { signal }) => {
    const time = clock.now().toString({ smallestUnit: 'millisecond' });
    const message = Buffer.from(
      `<${priority}>1 ${time} ${hostnameField(hostname)} acmex ${process.pid} ${id} - ${text}`,
    );
    if (transport === 'udp') await sendDatagram(message, options, signal);
    else await sendFrame(message, options, signal);
  };
}

/** Returns a HOSTNAME: visible ASCII, 255 characters at most. RFC 5424 §6 */
function hostnameField(hostname: string): string {
  return hostname.replaceAll(/[^!-~]/g, '').slice(0, 255) || '-';
}

async function sendFrame(
  message: Buffer,
  { transport, host, port, ca = [], clock = systemClock }: SyslogOptions,
  signal: AbortSignal,
): Promise<void> {
  using connection = await egressConnect({ host, port, policy: anyAddress, clock, signal });
  const socket: Socket =
    transport === 'tls'
      ? await secured(connection.socket, host, { ca }, signal)
      : connection.socket;
  // `once` rejects with the error of the socket, such as a reset.
  const closed = once(socket, 'close', { signal });
  socket.resume();
  socket.end(Buffer.concat([Buffer.from(`${message.length} `), message]));
  await closed;
}

async function sendDatagram(
  message: Buffer,
  { host, port }: SyslogOptions,
  signal: AbortSignal,
): Promise<void> {
  const [address = host] = await systemResolver()(host, { signal });
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.send(message, port, address, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    socket.close();
  }
}
