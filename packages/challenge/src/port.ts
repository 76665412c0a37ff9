import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { errorCode } from '@acmex/errors';
import { networkOf } from '@acmex/identifier';
import { ChallengeError } from './errors.ts';

/** Where to listen. */
export interface Place {
  readonly port: number;
  /** All of IPv6 and IPv4 by default. */
  readonly host: string | undefined;
}

/**
 * A server that listens, over IPv6 and IPv4 where the machine has both.
 * @param make a new server; called again where there is no IPv6
 * @throws ChallengeError `ERR_CHALLENGE_PORT_IN_USE`, `ERR_CHALLENGE_PORT_DENIED`,
 * `ERR_CHALLENGE_LISTEN`
 */
export async function listening<T extends Server>(
  make: () => T,
  { port, host }: Place,
): Promise<T> {
  const server = make();
  try {
    await once(server.listen({ port, host: host ?? '::' }), 'listening');
    return server;
  } catch (error) {
    const noIPv6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(errorCode(error) ?? '');
    if (host === undefined && noIPv6) return await listening(make, { port, host: '0.0.0.0' });
    throw failure(error, { port, host });
  }
}

/** Connections at once: of all clients, and of one network, which leaves room for the CA's. */
const [maxConnections, maxConnectionsPerNetwork] = [500, 50];

/** Limits the connections of a server that anyone may connect to. */
export function limitConnections(server: Server): void {
  server.maxConnections = maxConnections;
  const counts = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? '');
    const count = (counts.get(network) ?? 0) + 1;
    counts.set(network, count);
    socket.once('close', () => {
      const remaining = (counts.get(network) ?? 1) - 1;
      if (remaining > 0) counts.set(network, remaining);
      else counts.delete(network);
    });
    if (count > maxConnectionsPerNetwork) socket.destroy();
  });
}

/** A listener that opens with the first response and is closed after the last. */
export interface ListenerOnDemand {
  /** Listens unless it does already, or another process that shares its responses has the port. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Returns where the responses are to be seen; undefined if nothing listens. */
  address(): { readonly address: string; readonly port: number } | undefined;
  /**
   * Returns the error for a response that is not visible there.
   * @param response what should be visible: `the response`
   */
  notVisible(response: string, options?: ErrorOptions): Error;
}

/** How often a response is asked for when the process that had the port closes it meanwhile. */
const maximumAttempts = 3;

/**
 * Asks a listener for a response. Where a different process had the port and has closed it in the
 * meantime, opens the listener here, and asks again.
 * @param options `open`: opens the listener unless the response was removed
 * @returns undefined where nothing listens
 */
export async function whereListening<T>(
  listener: Pick<ListenerOnDemand, 'address'>,
  {
    open,
    ask,
    signal,
  }: {
    readonly open: () => Promise<void>;
    readonly ask: (address: { readonly address: string; readonly port: number }) => Promise<T>;
    readonly signal: AbortSignal;
  },
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    await open();
    const address = listener.address();
    try {
      return address ? await ask(address) : undefined;
    } catch (error) {
      const isClosed = ['ECONNREFUSED', 'ECONNRESET'].includes(errorCode(error) ?? '');
      if (signal.aborted || !isClosed || attempt === maximumAttempts) throw error;
    }
  }
}

/** Takes the port when it is needed; opening and closing must be called in turn. */
export function listenerOnDemand<T extends Server>({
  make,
  close,
  place,
  sharesResponses,
}: {
  readonly make: () => T;
  readonly close: (server: T) => Promise<void>;
  readonly place: Place;
  /** Whether a process that has the port already answers for this one. */
  readonly sharesResponses: boolean;
}): ListenerOnDemand {
  let server: T | undefined;
  let portInUse: ChallengeError | undefined;
  return {
    async open() {
      if (server) return;
      try {
        server = await listening(make, place);
      } catch (error) {
        const isInUse =
          error instanceof ChallengeError && error.code === 'ERR_CHALLENGE_PORT_IN_USE';
        if (!sharesResponses || !isInUse) throw error;
        portInUse = error;
      }
    },
    async close() {
      const closing = server;
      server = undefined;
      if (closing) await close(closing);
    },
    address() {
      const address = server?.address();
      if (address && typeof address === 'object') return address;
      return sharesResponses ? { address: place.host ?? '::', port: place.port } : undefined;
    },
    notVisible(response, options) {
      if (!server && portInUse) return portInUse;
      return new ChallengeError(
        'ERR_CHALLENGE_NOT_VISIBLE',
        `port ${place.port} of this machine does not show ${response} that was put there: check what else serves the port`,
        options,
      );
    },
  };
}

function failure(cause: unknown, { port, host }: Place): ChallengeError {
  switch (errorCode(cause)) {
    case 'EADDRINUSE':
      return new ChallengeError(
        'ERR_CHALLENGE_PORT_IN_USE',
        `port ${port} is in use: stop the program that listens there, choose another port, or let it serve the responses`,
        { cause },
      );
    case 'EACCES':
      return new ChallengeError(
        'ERR_CHALLENGE_PORT_DENIED',
        `port ${port} may not be listened on: ports below 1024 need root or CAP_NET_BIND_SERVICE`,
        { cause },
      );
    default:
      return new ChallengeError(
        'ERR_CHALLENGE_LISTEN',
        `no listener can be started on port ${port}${host === undefined ? '' : ` of ${host}`} (${errorCode(cause) ?? String(cause)}): check the address and the port`,
        { cause },
      );
  }
}

/** Runs one work after the other, so that neither opening nor closing is interrupted by the other. */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {
      /* its caller handles it */
    });
    return result;
  };
}
