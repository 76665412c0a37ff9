import { connect } from 'node:net';
import type { HostPort } from '@acmex/identifier';

/** Sends a DNS message over TCP and waits for the answer. RFC 7766 §8. */
export function exchange(
  { host, port }: HostPort,
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
