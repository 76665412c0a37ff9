import { once } from 'node:events';
import type { Server } from 'node:net';
import { errorCode } from '@acmex/errors';
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

/** Runs one work after the other, so that opening and closing never find each other half done. */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {
      /* its caller hears of it */
    });
    return result;
  };
}
