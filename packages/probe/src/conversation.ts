import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { ProbeError } from './errors.ts';

/** What is said before TLS begins: lines or bytes, within limits. */
export interface Conversation {
  send(message: string | Uint8Array): void;
  /** Reads a line, without its end. */
  line(): Promise<string>;
  /** Reads exactly this many bytes. */
  bytes(count: number): Promise<Buffer>;
}

/** How many bytes a server may send before TLS begins, and in one line. */
const limits = { bytes: 32 * 1024, line: 2048 };

/** Holds a conversation on a connection; what follows is left to the next reader. */
export function conversationOn(wire: Duplex, signal: AbortSignal): Conversation {
  let total = 0;
  const bytes = async (count: number): Promise<Buffer> => {
    total += count;
    if (total > limits.bytes)
      throw new ProbeError(
        'ERR_PROBE_STARTTLS',
        'the server sent more than 32 KiB before TLS; use the protocol that it speaks',
      );
    if (count === 0) return Buffer.alloc(0);
    for (;;) {
      const chunk = wire.read(count) as Buffer | null;
      if (chunk?.length === count) return chunk;
      if (chunk || wire.readableEnded || wire.destroyed) throw closed(wire);
      await next(wire, signal);
    }
  };
  return {
    bytes,
    send: (message) => {
      wire.write(message);
    },
    async line() {
      let line = '';
      for (;;) {
        const character = (await bytes(1)).toString('latin1');
        if (character === '\n') return line.replace(/\r$/, '');
        line += character;
        if (line.length > limits.line)
          throw new ProbeError(
            'ERR_PROBE_STARTTLS',
            'the server sent a line of more than 2 KiB before TLS; use the protocol that it speaks',
          );
      }
    },
  };
}

/** Waits for more, or for the end. */
async function next(wire: Duplex, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const either = { signal: AbortSignal.any([signal, done.signal]) };
  const events = ['readable', 'end', 'close'].map((name) => once(wire, name, either));
  try {
    await Promise.race(events);
  } finally {
    done.abort();
    await Promise.allSettled(events);
  }
}

function closed(wire: Duplex): Error {
  return (
    wire.errored ??
    new ProbeError(
      'ERR_PROBE_CLOSED',
      'the server closed the connection before it started TLS; use the protocol that it speaks, and enable TLS in its configuration',
    )
  );
}
