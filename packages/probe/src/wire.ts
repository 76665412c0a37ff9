import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ProbeError } from './errors.ts';

/** How many bytes a server may send in a probe. A handshake with a long chain has 16 KiB. */
const maxReceived = 512 * 1024;

/**
 * A connection that remembers what the server sent, up to a limit. It is destroyed with
 * `ERR_PROBE_TOO_LARGE` beyond that.
 */
export class Wire extends Duplex {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #received = 0;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    // A destroyed connection is reported by the work that waits for it.
    this.on('error', () => undefined);
  }

  /** Returns what was received since the last call of `forget`. */
  received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Forgets what was received so far: the handshake begins. */
  forget(): void {
    this.#chunks.length = 0;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received > maxReceived) {
      this.destroy(tooLarge());
      return;
    }
    this.#chunks.push(chunk);
    if (!this.push(chunk)) this.#socket.pause();
  }
}

function tooLarge(): ProbeError {
  return new ProbeError(
    'ERR_PROBE_TOO_LARGE',
    `the server sent more than ${maxReceived / 1024} KiB before the handshake was complete`,
  );
}
