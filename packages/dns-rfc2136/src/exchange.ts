import { connect, isIPv6 } from 'node:net';

export interface Server {
  readonly host: string;
  readonly port: number;
}

/** `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address. @throws RangeError for anything else */
export function serverOf(text: string): Server {
  if (isIPv6(text)) return { host: text, port: 53 };
  const [, bracketed, plain, port = '53'] =
    /^(?:\[([\da-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new RangeError(
      `${JSON.stringify(text)} is not a server: write host, host:port or [IPv6]:port`,
    );
  return { host, port: Number(port) };
}

/** Sends a DNS message over TCP and waits for the answer. RFC 7766 §8. */
export function exchange(
  { host, port }: Server,
  message: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    let received = Buffer.alloc(0);
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const abort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => end(() => reject(error)));
    socket.once('close', () => end(() => reject(new Error('the server closed the connection'))));
    socket.on('data', (part) => {
      received = Buffer.concat([received, part]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length >= length + 2) end(() => resolve(received.subarray(2, length + 2)));
    });
    socket.write(
      Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]),
    );
  });
}
