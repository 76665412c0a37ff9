import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { type AddressPolicy, addressPolicy } from './address-policy.ts';
import { EgressError } from './errors.ts';
import { abortable, limited } from './limit.ts';
import { type Resolve, systemResolver } from './resolver.ts';

/** How to reach out: to which addresses, found by whom, on which clock. */
export interface Egress {
  /** Public addresses alone by default. */
  readonly policy?: AddressPolicy;
  /** The system's by default. */
  readonly resolver?: Resolve;
  readonly clock?: Clock;
}

export interface ConnectOptions extends Egress {
  /** A name, or an address: IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * For the look-up and all attempts together; 10 seconds by default. One attempt has 5 at most.
   */
  readonly limit?: DurationInput;
  readonly signal?: AbortSignal | undefined;
}

/**
 * An open connection; disposing of it closes it. Its errors reach only the listeners of the socket.
 */
export interface Connection extends Disposable {
  readonly socket: Socket;
  /** Where it leads: the very address that was checked. */
  readonly address: string;
  readonly port: number;
}

const mostAttempts = 4;

/**
 * A TCP connection to an address that was looked up once and checked: what the name means to
 * someone else, or a moment later, changes nothing. Permitted addresses are tried one after the
 * other, IPv6 and IPv4 by turns, four at most; those that are not permitted are passed over.
 * @throws EgressError `ERR_EGRESS_RESOLVE`, `ERR_EGRESS_ADDRESS` where no address is permitted,
 * `ERR_EGRESS_CONNECT`, `ERR_EGRESS_TIME`
 */
export async function egressConnect({
  host,
  port,
  limit = 'PT10S',
  signal,
  policy = addressPolicy(),
  resolver = systemResolver(),
  clock = systemClock,
}: ConnectOptions): Promise<Connection> {
  const what = `${host} port ${port}`;
  return await limited({ clock, limit, signal, what }, async (all) => {
    const addresses = permitted(
      host,
      isIP(host) ? [host] : await resolved(host, resolver, all),
      policy,
    );
    let failure: unknown;
    for (const address of byTurns(addresses).slice(0, mostAttempts)) {
      try {
        const socket = await limited(
          { clock, limit: 'PT5S', signal: all, what: `${address} port ${port}` },
          (attempt) => opened(address, port, attempt),
        );
        return {
          socket,
          address,
          port,
          [Symbol.dispose]: () => {
            socket.destroy();
          },
        };
      } catch (error) {
        all.throwIfAborted();
        failure = error;
      }
    }
    throw new EgressError(
      'ERR_EGRESS_CONNECT',
      `${what}: no connection (${errorCode(failure) ?? 'no code'}); check that something listens there, and the firewalls between`,
      { cause: failure },
    );
  });
}

async function resolved(
  host: string,
  resolver: Resolve,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const addresses = await abortable(resolver(host, { signal }), signal);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    signal.throwIfAborted();
    throw new EgressError(
      'ERR_EGRESS_RESOLVE',
      `${host}: the look-up of its addresses failed (${errorCode(cause) ?? 'no code'}); check the name servers and the resolver`,
      { cause },
    );
  }
  throw new EgressError(
    'ERR_EGRESS_RESOLVE',
    `${host}: there is no such name, or it has no address; check its A and AAAA records`,
  );
}

function permitted(
  host: string,
  addresses: readonly string[],
  policy: AddressPolicy,
): readonly string[] {
  const refusals = addresses.map((address) => policy.refusal(address));
  const free = addresses.filter((_, index) => refusals[index] === undefined);
  if (free.length > 0) return free;
  const why = addresses
    .map((address, index) => `${address} ${refusals[index]}`)
    .slice(0, mostAttempts)
    .join(', ');
  throw new EgressError(
    'ERR_EGRESS_ADDRESS',
    `${host} may not be reached: ${why}; give a public host, or allow the range in the address policy`,
  );
}

async function opened(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  // A reset by the remote host must not end the process while the socket has no listener.
  const socket = connect({ host: address, port }).on('error', () => {
    /* the caller that waits for the connection, or reads from it, gets the error */
  });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * IPv6 and IPv4 by turns, so that a family that leads nowhere does not use up the attempts. RFC
 * 8305 §4
 */
function byTurns([first, ...rest]: readonly string[]): readonly string[] {
  if (first === undefined) return [];
  const family = isIP(first);
  const [sameFamily, otherFamily] = [
    [first, ...rest.filter((address) => isIP(address) === family)],
    rest.filter((address) => isIP(address) !== family),
  ];
  return [
    ...sameFamily.flatMap((address, index) => [address, ...otherFamily.slice(index, index + 1)]),
    ...otherFamily.slice(sameFamily.length),
  ];
}
